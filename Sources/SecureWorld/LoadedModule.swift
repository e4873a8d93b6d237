public import CBOR

/// What the decryptor tells of a module that it released (load-reply of SPEC 8).
public struct LoadedModule: Equatable, Sendable {
  /// ASCII.
  public var name: [UInt8]
  /// Major, minor, patch.
  public var version: [UInt32]
  public var securityVersion: UInt64
  public var epoch: UInt64
  /// In bytes.
  public var size: UInt64
  /// The grant's sequence number.
  public var sequence: UInt64
  /// Seconds since 1970.
  public var notBefore: UInt64?
  /// Seconds since 1970.
  public var notAfter: UInt64?
  public var features: [UInt8]?
  /// Whether the packager allows its code to be made unreadable.
  public var mayBeExecuteOnly: Bool

  public init(
    name: [UInt8], version: [UInt32], securityVersion: UInt64, epoch: UInt64, size: UInt64, sequence: UInt64,
    notBefore: UInt64?, notAfter: UInt64?, features: [UInt8]?, mayBeExecuteOnly: Bool = false
  ) {
    self.name = name
    self.version = version
    self.securityVersion = securityVersion
    self.epoch = epoch
    self.size = size
    self.sequence = sequence
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.features = features
    self.mayBeExecuteOnly = mayBeExecuteOnly
  }

  public func encode(to encoder: inout CBOREncoder) {
    encoder.encodeMap { map in
      // A name is ASCII; one that isn't can't be encoded as text and is refused by the reader.
      map.set(1) { item in do throws(CBORError) { try item.encode(textUTF8: name) } catch { item.encodeNull() } }
      map.set(2) { $0.encode(version: version) }
      map.set(3) { $0.encode(unsigned: securityVersion) }
      map.set(4) { $0.encode(unsigned: epoch) }
      map.set(5) { $0.encode(unsigned: size) }
      map.set(6) { $0.encode(unsigned: sequence) }
      if let notBefore { map.set(7) { $0.encode(unsigned: notBefore) } }
      if let notAfter { map.set(8) { $0.encode(unsigned: notAfter) } }
      if let features { map.set(9) { $0.encode(bytes: features) } }
      if mayBeExecuteOnly { map.set(10) { $0.encode(bool: true) } }
    }
  }

  public init(_ reader: inout CBORReader) throws(CBORError) {
    let start = reader.position
    var members = 0
    self.init(
      name: [], version: [], securityVersion: 0, epoch: 0, size: 0, sequence: 0, notBefore: nil, notAfter: nil,
      features: nil)
    var map = try reader.readMap(atMost: 10)
    while let label = try reader.nextIntegerKey(&map) {
      switch label {
      case 1: name = Array(try reader.readText())
      case 2: version = try reader.readVersion()
      case 3: securityVersion = try reader.readUnsigned()
      case 4: epoch = try reader.readUnsigned()
      case 5: size = try reader.readUnsigned()
      case 6: sequence = try reader.readUnsigned()
      case 7: notBefore = try reader.readUnsigned()
      case 8: notAfter = try reader.readUnsigned()
      case 9: features = Array(try reader.readBytes())
      case 10:
        // It is left out if it isn't true.
        mayBeExecuteOnly = try reader.readBool()
        guard mayBeExecuteOnly else { throw CBORError(.outOfRange, at: reader.position) }
      default: throw CBORError(.unexpectedType, at: reader.position)
      }
      if label <= 6 { members += 1 }
    }
    guard members == 6 else { throw CBORError(.truncated, at: start) }
  }
}
