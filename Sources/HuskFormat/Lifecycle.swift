public import CBOR

/// The life-cycle state of a device, with the numbers of RFC 9783 §4.3.1 (SPEC 6.4).
public enum Lifecycle: UInt16, CaseIterable, Equatable, Sendable {
  case unknown = 0x0000
  case assembly = 0x1000
  case provisioning = 0x2000
  /// Production.
  case secured = 0x3000
  case debug = 0x4000
  case recoverableDebug = 0x5000
  case decommissioned = 0x6000

  /// The word that commands use.
  public var name: StaticString {
    switch self {
    case .unknown: "unknown"
    case .assembly: "assembly"
    case .provisioning: "provisioning"
    case .secured: "secured"
    case .debug: "debug"
    case .recoverableDebug: "recoverable-debug"
    case .decommissioned: "decommissioned"
    }
  }

  public init(_ reader: inout CBORReader) throws(CBORError) {
    let start = reader.position
    guard let number = UInt16(exactly: try reader.readUnsigned()), let state = Lifecycle(rawValue: number) else {
      throw CBORError(.outOfRange, at: start)
    }
    self = state
  }

  public func encode(to encoder: inout CBOREncoder) {
    encoder.encode(unsigned: UInt64(rawValue))
  }
}
