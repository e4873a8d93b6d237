public import CBOR
import COSE
import ErrorClass

/// What the grants of one job have in common (SPEC 5.1): all terms but the device's own.
public struct CommonGrantTerms: Equatable, Sendable {
  public var module: Name
  public var epoch: UInt64
  /// Seconds since 1970.
  public var issuedAt: UInt64
  /// Seconds since 1970.
  public var notBefore: UInt64?
  /// Seconds since 1970.
  public var notAfter: UInt64?
  public var versions: VersionRange?
  public var lifecycle: Lifecycle
  /// Opaque bytes for the module, 1 to 1024.
  public var features: [UInt8]?
  public var minimumStatus: UInt64?

  public init(module: Name, epoch: UInt64, issuedAt: UInt64, lifecycle: Lifecycle) {
    self.module = module
    self.epoch = epoch
    self.issuedAt = issuedAt
    self.lifecycle = lifecycle
  }

  /// Writes the map that a bundle has of them.
  public func encode(to encoder: inout CBOREncoder) {
    encoder.encodeMap { map in
      setLabelsBelowOwn(&map)
      setLabelsAboveOwn(&map)
    }
  }

  /// The map by itself.
  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encode(to: &encoder)
    return encoder.bytes
  }

  /// Reads the map where it is by itself.
  public init(encoded bytes: [UInt8]) throws(FormatError) {
    var reader = CBORReader(bytes)
    self = try CommonGrantTerms(&reader)
    try parsing(.grant) { () throws(CBORError) in try reader.finish() }
  }

  /// Reads the map that a bundle has of them.
  public init(_ reader: inout CBORReader) throws(FormatError) {
    let start = reader.position
    let fields = try parsing(.grant) { () throws(CBORError) in try GrantTerms.Fields(&reader) }
    guard !fields.hasOwn else { throw FormatError(.malformed, in: .grant, at: start) }
    self = try CommonGrantTerms(fields, at: start)
  }
}

/// The terms of a grant (SPEC 5): for which device and module it is, and what it allows.
public struct GrantTerms: Equatable, Sendable {
  public var common: CommonGrantTerms
  /// Thumbprint of the device's UDS public key, 32 bytes.
  public var deviceID: [UInt8]
  /// Thumbprint of the X25519 key that the content key is wrapped to, 32 bytes.
  public var grantKeyThumbprint: [UInt8]
  /// Thumbprint of the key that signs the grant, 32 bytes.
  public var issuer: [UInt8]
  /// Counts up per device and module.
  public var sequence: UInt64

  static let formatVersion: UInt64 = 1

  public init(
    _ common: CommonGrantTerms, deviceID: [UInt8], grantKeyThumbprint: [UInt8], issuer: [UInt8], sequence: UInt64
  ) {
    self.common = common
    self.deviceID = deviceID
    self.grantKeyThumbprint = grantKeyThumbprint
    self.issuer = issuer
    self.sequence = sequence
  }

  public func encoded() -> [UInt8] {
    // Names, features and times are what makes it longer: room for nearly every grant, so that it is written in place.
    var encoder = CBOREncoder(capacity: 256 + (features?.count ?? 0))
    encoder.encodeMap { map in
      map.set(Label.formatVersion) { $0.encode(unsigned: Self.formatVersion) }
      common.setLabelsBelowOwn(&map)
      map.set(Label.deviceID) { $0.encode(bytes: deviceID) }
      map.set(Label.grantKeyThumbprint) { $0.encode(bytes: grantKeyThumbprint) }
      map.set(Label.issuer) { $0.encode(bytes: issuer) }
      map.set(Label.sequence) { $0.encode(unsigned: sequence) }
      common.setLabelsAboveOwn(&map)
    }
    return encoder.bytes
  }
}

extension GrantTerms {
  public var module: Name {
    get { common.module }
    set { common.module = newValue }
  }
  public var epoch: UInt64 {
    get { common.epoch }
    set { common.epoch = newValue }
  }
  /// Seconds since 1970.
  public var issuedAt: UInt64 {
    get { common.issuedAt }
    set { common.issuedAt = newValue }
  }
  /// Seconds since 1970.
  public var notBefore: UInt64? {
    get { common.notBefore }
    set { common.notBefore = newValue }
  }
  /// Seconds since 1970.
  public var notAfter: UInt64? {
    get { common.notAfter }
    set { common.notAfter = newValue }
  }
  public var versions: VersionRange? {
    get { common.versions }
    set { common.versions = newValue }
  }
  public var lifecycle: Lifecycle {
    get { common.lifecycle }
    set { common.lifecycle = newValue }
  }
  /// Opaque bytes for the module, 1 to 1024.
  public var features: [UInt8]? {
    get { common.features }
    set { common.features = newValue }
  }
  public var minimumStatus: UInt64? {
    get { common.minimumStatus }
    set { common.minimumStatus = newValue }
  }
}

extension CommonGrantTerms {
  /// The labels before the device's own, 4 to 7: set in order, they need no sorting.
  fileprivate func setLabelsBelowOwn(_ map: inout CBORMapEncoder) {
    map.set(Label.module) { $0.encode(ascii: module.bytes) }
    map.set(Label.epoch) { $0.encode(unsigned: epoch) }
  }

  fileprivate func setLabelsAboveOwn(_ map: inout CBORMapEncoder) {
    map.set(Label.issuedAt) { $0.encode(unsigned: issuedAt) }
    if let notBefore { map.set(Label.notBefore) { $0.encode(unsigned: notBefore) } }
    if let notAfter { map.set(Label.notAfter) { $0.encode(unsigned: notAfter) } }
    if let versions { map.set(Label.versions) { versions.encode(to: &$0) } }
    map.set(Label.lifecycle) { lifecycle.encode(to: &$0) }
    if let features { map.set(Label.features) { $0.encode(bytes: features) } }
    if let minimumStatus { map.set(Label.minimumStatus) { $0.encode(unsigned: minimumStatus) } }
  }

  fileprivate init(_ fields: GrantTerms.Fields, at start: Int) throws(FormatError) {
    module = try require(fields.module, in: .grant, at: start)
    epoch = try require(fields.epoch, in: .grant, at: start)
    issuedAt = try require(fields.issuedAt, in: .grant, at: start)
    lifecycle = try require(fields.lifecycle, in: .grant, at: start)
    notBefore = fields.notBefore
    notAfter = fields.notAfter
    versions = fields.versions
    features = fields.features
    minimumStatus = fields.minimumStatus
  }
}

private enum Label {
  static let formatVersion: Int64 = 1
  static let module: Int64 = 2
  static let epoch: Int64 = 3
  static let deviceID: Int64 = 4
  static let grantKeyThumbprint: Int64 = 5
  static let issuer: Int64 = 6
  static let sequence: Int64 = 7
  static let issuedAt: Int64 = 8
  static let notBefore: Int64 = 9
  static let notAfter: Int64 = 10
  static let versions: Int64 = 11
  static let lifecycle: Int64 = 12
  static let features: Int64 = 13
  static let minimumStatus: Int64 = 14
}

extension GrantTerms {
  init(_ reader: inout CBORReader) throws(FormatError) {
    let start = reader.position
    let fields = try parsing(.grant) { () throws(CBORError) in try Fields(&reader) }
    try require(version: fields.formatVersion, Self.formatVersion, in: .grant, at: start)
    common = try CommonGrantTerms(fields, at: start)
    deviceID = try require(fields.deviceID, in: .grant, at: start)
    grantKeyThumbprint = try require(fields.grantKeyThumbprint, in: .grant, at: start)
    issuer = try require(fields.issuer, in: .grant, at: start)
    sequence = try require(fields.sequence, in: .grant, at: start)
  }

  /// The members as they come.
  fileprivate struct Fields {
    var formatVersion: UInt64?
    var module: Name?
    var epoch: UInt64?
    var deviceID: [UInt8]?
    var grantKeyThumbprint: [UInt8]?
    var issuer: [UInt8]?
    var sequence: UInt64?
    var issuedAt: UInt64?
    var notBefore: UInt64?
    var notAfter: UInt64?
    var versions: VersionRange?
    var lifecycle: Lifecycle?
    var features: [UInt8]?
    var minimumStatus: UInt64?

    /// Whether there is one that isn't among the common ones.
    var hasOwn: Bool {
      formatVersion != nil || deviceID != nil || grantKeyThumbprint != nil || issuer != nil || sequence != nil
    }

    init(_ reader: inout CBORReader) throws(CBORError) {
      var map = try reader.readMap()
      while let label = try reader.nextIntegerKey(&map) {
        let start = reader.position
        switch label {
        case Label.formatVersion:
          formatVersion = try reader.readUnsigned()
          // What another version's labels mean is unknown here: it is refused for its version.
          guard formatVersion == GrantTerms.formatVersion else { return }
        case Label.module: module = try reader.readName()
        case Label.epoch: epoch = try reader.readCount()
        case Label.deviceID: deviceID = try reader.readThumbprint()
        case Label.grantKeyThumbprint: grantKeyThumbprint = try reader.readThumbprint()
        case Label.issuer: issuer = try reader.readThumbprint()
        case Label.sequence: sequence = try reader.readCount()
        case Label.issuedAt: issuedAt = try reader.readCount()
        case Label.notBefore: notBefore = try reader.readCount()
        case Label.notAfter: notAfter = try reader.readCount()
        case Label.versions: versions = try VersionRange(&reader)
        case Label.lifecycle: lifecycle = try Lifecycle(&reader)
        case Label.features:
          let bytes = try reader.readBytes(atMost: Limits.features)
          guard !bytes.isEmpty else { throw CBORError(.outOfRange, at: start) }
          features = Array(bytes)
        case Label.minimumStatus: minimumStatus = try reader.readCount()
        default: throw CBORError(.unknownKey, at: start)
        }
      }
    }
  }
}
