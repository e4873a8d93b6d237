import FoundationEssentials
import GRDB
import HuskFormat

// A vault's file may come from anywhere: what is read from it may be of any type and size, whatever the schema says.
// SQLite's integers are signed; all of Husk's numbers are below 2^63 (SPEC 11).

extension Row {
  /// What can't be negative in a vault that Husk wrote.
  func number(_ column: String, in part: VaultError.Part) throws -> UInt64 {
    guard let value = try value(column, Int64.self, part), let number = UInt64(exactly: value) else {
      throw VaultError.damaged(part)
    }
    return number
  }

  func rowID(_ column: String, in part: VaultError.Part) throws -> Int64 {
    guard let value = try value(column, Int64.self, part) else { throw VaultError.damaged(part) }
    return value
  }

  func optionalRowID(_ column: String, in part: VaultError.Part) throws -> Int64? {
    try value(column, Int64.self, part)
  }

  func bytes(_ column: String, in part: VaultError.Part, count: Int? = nil) throws -> [UInt8] {
    guard let value = try value(column, Data.self, part), count == nil || value.count == count else {
      throw VaultError.damaged(part)
    }
    return Array(value)
  }

  func optionalBytes(_ column: String, in part: VaultError.Part) throws -> [UInt8]? {
    try value(column, Data.self, part).map { Array($0) }
  }

  func text(_ column: String, in part: VaultError.Part) throws -> String {
    guard let value = try value(column, String.self, part) else { throw VaultError.damaged(part) }
    return value
  }

  func optionalText(_ column: String, in part: VaultError.Part) throws -> String? {
    try value(column, String.self, part)
  }

  /// The name of a module.
  func name(_ column: String = "name") throws -> Name {
    guard let name = Name(Array(try text(column, in: .module).utf8)) else { throw VaultError.damaged(.module) }
    return name
  }

  private func value<Value: DatabaseValueConvertible>(
    _ column: String, _: Value.Type, _ part: VaultError.Part
  ) throws -> Value? {
    do {
      return try decode(Value?.self, forColumn: column)
    } catch {
      throw VaultError.damaged(part)
    }
  }
}

/// The number that follows; nil where none does.
func number(after number: UInt64) -> UInt64? {
  number < Limits.number - 1 ? number + 1 : nil
}

extension Name {
  var text: String { String(decoding: bytes, as: UTF8.self) }
}
