import CBOR
import ErrorClass

/// What the signer of a package says of it (SPEC 4).
public struct Manifest: Equatable, Sendable {
  public var role: Role
  public var name: Name
  public var version: Version
  /// Floors compare this, not the version.
  public var securityVersion: UInt64
  /// e_machine of the ELF object: 62 x86-64, 183 AArch64.
  public var machine: UInt16
  /// Seconds since 1970.
  public var issuedAt: UInt64
  /// Of the payload, in bytes.
  public var payloadSize: UInt64
  /// The plaintext has at most this many bytes.
  public var sizeBound: UInt64
  /// In bytes; see ``SegmentLayout``.
  public var segmentSize: UInt64
  /// SHA-256 digests of the segments, 32 bytes each, in order.
  public var digests: [UInt8]
  /// The key epoch; nil for a stage.
  public var epoch: UInt64?
  /// The status list that a device must have seen.
  public var minimumStatus: UInt64?
  /// Whether the module's code may be made unreadable: the packager says that it holds no data.
  public var mayBeExecuteOnly = false

  public static let type: StaticString = "application/husk-manifest+cbor"
  static let formatVersion: UInt64 = 1
  public static let digestSize = 32

  public init(
    role: Role, name: Name, version: Version, securityVersion: UInt64, machine: UInt16, issuedAt: UInt64,
    payloadSize: UInt64, sizeBound: UInt64, segmentSize: UInt64, digests: [UInt8], epoch: UInt64?
  ) {
    self.role = role
    self.name = name
    self.version = version
    self.securityVersion = securityVersion
    self.machine = machine
    self.issuedAt = issuedAt
    self.payloadSize = payloadSize
    self.sizeBound = sizeBound
    self.segmentSize = segmentSize
    self.digests = digests
    self.epoch = epoch
  }

  public var isModule: Bool { role == .module }

  public var segments: SegmentLayout {
    SegmentLayout(payloadSize: payloadSize, segmentSize: segmentSize, isModule: isModule)
  }

  /// The context that the payload is encrypted under (SPEC 4.2).
  public var payloadContext: [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(5)
    encoder.encode(text: "husk-payload")
    encoder.encode(ascii: name.bytes)
    encoder.encode(unsigned: epoch ?? 0)
    version.encode(to: &encoder)
    encoder.encode(unsigned: UInt64(machine))
    return encoder.bytes
  }

  /// Parses a manifest (SPEC 4.4, step 2). Believe it only if it was verified: its numbers may be absurd until then.
  public init(parsing payload: ArraySlice<UInt8>) throws(FormatError) {
    let start = payload.startIndex
    let fields = try parsing(.manifest) { () throws(CBORError) in try Fields(payload) }
    try require(version: fields.formatVersion, Self.formatVersion, in: .manifest, at: start)
    role = try require(fields.role, in: .manifest, at: start)
    name = try require(fields.name, in: .manifest, at: start)
    version = try require(fields.version, in: .manifest, at: start)
    securityVersion = try require(fields.securityVersion, in: .manifest, at: start)
    machine = try require(fields.machine, in: .manifest, at: start)
    issuedAt = try require(fields.issuedAt, in: .manifest, at: start)
    payloadSize = try require(fields.payloadSize, in: .manifest, at: start)
    sizeBound = try require(fields.sizeBound, in: .manifest, at: start)
    segmentSize = try require(fields.segmentSize, in: .manifest, at: start)
    digests = try require(fields.digests, in: .manifest, at: start)
    epoch = fields.epoch
    minimumStatus = fields.minimumStatus
    mayBeExecuteOnly = fields.mayBeExecuteOnly
  }

  /// Checks that sizes, digests and epoch fit the role and each other (SPEC 4.4, step 3).
  func checkConsistency() throws(FormatError) {
    guard payloadSize <= Limits.payload, !isModule || sizeBound <= Limits.sizeBound else {
      throw FormatError(.limitExceeded, in: .manifest)
    }
    guard SegmentLayout.segmentSizes.contains(segmentSize) else { throw FormatError(.malformed, in: .manifest) }
    guard segments.count <= Limits.segments else { throw FormatError(.limitExceeded, in: .manifest) }
    let isConsistent =
      (epoch != nil) == isModule && (isModule || !mayBeExecuteOnly)
      && (isModule
        ? segmentSize % SegmentLayout.chunkSize == 0 && payloadSize > SegmentLayout.headerSize
        : sizeBound == payloadSize && payloadSize > 0)
      && digests.count == segments.count * Self.digestSize
    guard isConsistent else { throw FormatError(.malformed, in: .manifest) }
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(Label.formatVersion) { $0.encode(unsigned: Self.formatVersion) }
      map.set(Label.role) { role.encode(to: &$0) }
      map.set(Label.name) { $0.encode(ascii: name.bytes) }
      map.set(Label.version) { version.encode(to: &$0) }
      map.set(Label.securityVersion) { $0.encode(unsigned: securityVersion) }
      map.set(Label.machine) { $0.encode(unsigned: UInt64(machine)) }
      map.set(Label.issuedAt) { $0.encode(unsigned: issuedAt) }
      map.set(Label.payloadSize) { $0.encode(unsigned: payloadSize) }
      map.set(Label.sizeBound) { $0.encode(unsigned: sizeBound) }
      map.set(Label.segmentSize) { $0.encode(unsigned: segmentSize) }
      map.set(Label.digests) { $0.encode(bytes: digests) }
      if let epoch { map.set(Label.epoch) { $0.encode(unsigned: epoch) } }
      if let minimumStatus { map.set(Label.minimumStatus) { $0.encode(unsigned: minimumStatus) } }
      if mayBeExecuteOnly { map.set(Label.mayBeExecuteOnly) { $0.encode(bool: true) } }
    }
    return encoder.bytes
  }
}

extension Manifest {
  private enum Label {
    static let formatVersion: Int64 = 1
    static let role: Int64 = 2
    static let name: Int64 = 3
    static let version: Int64 = 4
    static let securityVersion: Int64 = 5
    static let machine: Int64 = 6
    static let issuedAt: Int64 = 7
    static let payloadSize: Int64 = 8
    static let sizeBound: Int64 = 9
    static let segmentSize: Int64 = 10
    static let digests: Int64 = 11
    static let epoch: Int64 = 12
    static let minimumStatus: Int64 = 13
    static let mayBeExecuteOnly: Int64 = 14
  }

  /// The members as they come.
  private struct Fields {
    var formatVersion: UInt64?
    var role: Role?
    var name: Name?
    var version: Version?
    var securityVersion: UInt64?
    var machine: UInt16?
    var issuedAt: UInt64?
    var payloadSize: UInt64?
    var sizeBound: UInt64?
    var segmentSize: UInt64?
    var digests: [UInt8]?
    var epoch: UInt64?
    var minimumStatus: UInt64?
    var mayBeExecuteOnly = false

    init(_ payload: ArraySlice<UInt8>) throws(CBORError) {
      var reader = try CBORReader(wholeItem: payload)
      var map = try reader.readMap()
      while let label = try reader.nextIntegerKey(&map) {
        let start = reader.position
        switch label {
        case Label.formatVersion:
          formatVersion = try reader.readUnsigned()
          // What another version's labels mean is unknown here: it is refused for its version.
          guard formatVersion == Manifest.formatVersion else { return }
        case Label.role:
          role = Role(try reader.readText())
          guard role != nil else { throw CBORError(.outOfRange, at: start) }
        case Label.name: name = try reader.readName()
        case Label.version: version = try Version(&reader)
        case Label.securityVersion: securityVersion = try reader.readUnsigned()
        case Label.machine:
          machine = UInt16(exactly: try reader.readUnsigned())
          guard machine != nil else { throw CBORError(.outOfRange, at: start) }
        case Label.issuedAt: issuedAt = try reader.readCount()
        case Label.payloadSize: payloadSize = try reader.readCount()
        case Label.sizeBound: sizeBound = try reader.readCount()
        case Label.segmentSize: segmentSize = try reader.readCount()
        case Label.digests: digests = Array(try reader.readBytes(atMost: Limits.segments * Manifest.digestSize))
        case Label.epoch: epoch = try reader.readCount()
        case Label.minimumStatus: minimumStatus = try reader.readCount()
        case Label.mayBeExecuteOnly:
          // It is left out if it isn't true.
          mayBeExecuteOnly = try reader.readBool()
          guard mayBeExecuteOnly else { throw CBORError(.outOfRange, at: start) }
        default: throw CBORError(.unknownKey, at: start)
        }
      }
    }
  }
}
