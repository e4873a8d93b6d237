public import CBOR
public import ErrorClass
public import Protections

/// What the decryptor answers (SPEC 8): a class, or what was asked for.
public struct Reply: Equatable, Sendable {
  public enum Result: Equatable, Sendable {
    case hello(version: UInt64)
    /// The module's memory file travels beside the message.
    case loaded(LoadedModule)
    case identity([UInt8])
    case protections([ProtectionFact])
    /// A status list was accepted.
    case statusList
    /// A file passed the check.
    case checked(CheckedFile)
    /// Done, with nothing to be said of it: for `confirm` and `tryStaged`.
    case done
    case failed(ErrorClass)
  }

  /// The id of the request that this answers; 0 for one that couldn't be parsed.
  public let id: UInt64
  public let result: Result

  public init(id: UInt64, result: Result) {
    self.id = id
    self.result = result
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(unsigned: DecryptorMessage.Kind.reply)
    encoder.encode(unsigned: id)
    switch result {
    case .hello(let version):
      encoder.encode(unsigned: 0)
      encoder.encodeMap { map in map.set(1) { $0.encode(unsigned: version) } }
    case .loaded(let module):
      encoder.encode(unsigned: 0)
      module.encode(to: &encoder)
    case .identity(let bytes):
      encoder.encode(unsigned: 0)
      encoder.encodeMap { map in map.set(1) { $0.encode(bytes: bytes) } }
    case .protections(let facts):
      encoder.encode(unsigned: 0)
      encoder.encode(facts)
    case .statusList, .done:
      encoder.encode(unsigned: 0)
      encoder.encodeMap { _ in }
    case .checked(let file):
      encoder.encode(unsigned: 0)
      file.encode(to: &encoder)
    case .failed(let errorClass):
      encoder.encode(integer: Int64(errorClass.rawValue))
      encoder.encodeMap { _ in }
    }
    return encoder.bytes
  }

  /// Parses the reply to a request for `operation`.
  public init(parsing message: ArraySlice<UInt8>, to operation: Operation) throws(CBORError) {
    var reader = CBORReader(message)
    let start = reader.position
    guard try reader.readArrayHeader() == 4 else { throw CBORError(.outOfRange, at: start) }
    guard try reader.readUnsigned() == DecryptorMessage.Kind.reply else { throw CBORError(.outOfRange, at: start) }
    id = try reader.readUnsigned()
    let statusStart = reader.position
    let status = try reader.readInteger()
    if status != 0 {
      guard let number = Int32(exactly: status), let errorClass = ErrorClass(rawValue: number) else {
        throw CBORError(.outOfRange, at: statusStart)
      }
      _ = try reader.readMap(atMost: 0)
      result = .failed(errorClass)
    } else {
      switch operation {
      case .hello:
        try Self.expectSingle(&reader)
        result = .hello(version: try reader.readUnsigned())
      case .load: result = .loaded(try LoadedModule(&reader))
      case .identity:
        try Self.expectSingle(&reader)
        result = .identity(Array(try reader.readBytes()))
      case .protections: result = .protections(try reader.readProtectionFacts())
      case .statusList:
        _ = try reader.readMap(atMost: 0)
        result = .statusList
      case .check: result = .checked(try CheckedFile(&reader))
      case .confirm, .tryStaged:
        _ = try reader.readMap(atMost: 0)
        result = .done
      }
    }
    try reader.finish()
  }

  /// Reads up to the value of a map with the one label 1.
  private static func expectSingle(_ reader: inout CBORReader) throws(CBORError) {
    let start = reader.position
    var map = try reader.readMap(atMost: 1)
    guard try reader.nextIntegerKey(&map) == 1 else { throw CBORError(.unexpectedType, at: start) }
  }
}
