import CBOR
import HuskFormat

/// One entry of the vault's log (SPEC 14.5): something that was done, as a whole.
public struct Event: Equatable, Sendable {
  /// Counts up from 1.
  public var number: UInt64
  /// Seconds since 1970; never earlier than that of the event before.
  public var at: UInt64
  /// What the clock said, where that was earlier.
  public var clock: UInt64?
  public var who: String
  public var action: Action
  public var details: [Detail]

  /// What was done. The log keeps the text.
  public enum Action: String, CaseIterable, Sendable {
    case vaultCreated = "vault-created"
    case vaultKeyRotated = "vault-key-rotated"
    case clockAccepted = "clock-accepted"
    case trusted
    case distrusted
    case devicesAdded = "devices-added"
    case statusChanged = "status-changed"
    case tagged
    case untagged
    case moduleBegun = "module-begun"
    case epochBegun = "epoch-begun"
    case packed
    case granted
    case contentKeysExported = "content-keys-exported"
    case imported
  }

  /// A named value that says more of an event.
  public struct Detail: Equatable, Sendable {
    public var name: String
    public var value: Value

    public init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  public enum Value: Equatable, Sendable {
    case number(UInt64)
    case text(String)
    case bytes([UInt8])
  }
}

extension Event {
  private enum Label {
    static let number: Int64 = 1
    static let at: Int64 = 2
    static let clock: Int64 = 3
    static let who: Int64 = 4
    static let action: Int64 = 5
    static let details: Int64 = 6
  }

  /// The record of SPEC 14.5.
  var encoded: [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(Label.number) { $0.encode(unsigned: number) }
      map.set(Label.at) { $0.encode(unsigned: at) }
      if let clock { map.set(Label.clock) { $0.encode(unsigned: clock) } }
      map.set(Label.who) { $0.encode(string: who) }
      map.set(Label.action) { $0.encode(string: action.rawValue) }
      if !details.isEmpty { map.set(Label.details) { Self.encode(details, to: &$0) } }
    }
    return encoder.bytes
  }

  private static func encode(_ details: [Detail], to encoder: inout CBOREncoder) {
    encoder.encodeMap { map in
      for detail in details {
        // Swift's strings are always UTF-8.
        do throws(CBORError) {
          try map.set(textUTF8: detail.name.utf8) { (item) throws(CBORError) in
            switch detail.value {
            case .number(let number): item.encode(unsigned: number)
            case .text(let text): item.encode(string: text)
            case .bytes(let bytes): item.encode(bytes: bytes)
            }
          }
        } catch {}
      }
    }
  }

  /// Nil for what isn't a record.
  init?(_ record: [UInt8]) {
    do throws(CBORError) {
      var reader = CBORReader(record)
      var map = try reader.readMap()
      var number: UInt64?
      var at: UInt64?
      var who: String?
      var action: Action?
      clock = nil
      details = []
      while let label = try reader.nextIntegerKey(&map) {
        switch label {
        case Label.number: number = try reader.readCount()
        case Label.at: at = try reader.readCount()
        case Label.clock: clock = try reader.readCount()
        case Label.who: who = String(decoding: try reader.readText(), as: UTF8.self)
        case Label.action: action = Action(rawValue: String(decoding: try reader.readText(), as: UTF8.self))
        case Label.details: details = try Self.readDetails(&reader)
        default: return nil
        }
      }
      try reader.finish()
      guard let number, let at, let who, let action else { return nil }
      self.number = number
      self.at = at
      self.who = who
      self.action = action
    } catch {
      return nil
    }
  }

  private static func readDetails(_ reader: inout CBORReader) throws(CBORError) -> [Detail] {
    var details: [Detail] = []
    let start = reader.position
    var map = try reader.readMap()
    guard map.remaining > 0 else { throw CBORError(.outOfRange, at: start) }
    while let name = try reader.nextTextKey(&map) {
      let value: Value =
        switch try reader.peekType() {
        case .text: .text(String(decoding: try reader.readText(), as: UTF8.self))
        case .bytes: .bytes(Array(try reader.readBytes()))
        default: .number(try reader.readUnsigned())
        }
      details.append(Detail(String(decoding: name, as: UTF8.self), value))
    }
    return details
  }
}

extension CBOREncoder {
  /// Swift's strings are always UTF-8.
  mutating func encode(string text: String) {
    do throws(CBORError) { try encode(textUTF8: text.utf8) } catch { encodeNull() }
  }
}
