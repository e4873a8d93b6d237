import CBOR
public import COSE
public import Cryptography
import ErrorClass
public import SecretBytes

/// The terms of a grant (SPEC 5): for which device and module it is, and what it allows.
public struct GrantTerms: Equatable, Sendable {
  public var module: Name
  public var epoch: UInt64
  /// Thumbprint of the device's UDS public key, 32 bytes.
  public var deviceID: [UInt8]
  /// Thumbprint of the X25519 key that the content key is wrapped to, 32 bytes.
  public var grantKeyThumbprint: [UInt8]
  /// Thumbprint of the key that signs the grant, 32 bytes.
  public var issuer: [UInt8]
  /// Counts up per device and module.
  public var sequence: UInt64
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

  static let formatVersion: UInt64 = 1

  public init(
    module: Name, epoch: UInt64, deviceID: [UInt8], grantKeyThumbprint: [UInt8], issuer: [UInt8], sequence: UInt64,
    issuedAt: UInt64, lifecycle: Lifecycle
  ) {
    self.module = module
    self.epoch = epoch
    self.deviceID = deviceID
    self.grantKeyThumbprint = grantKeyThumbprint
    self.issuer = issuer
    self.sequence = sequence
    self.issuedAt = issuedAt
    self.lifecycle = lifecycle
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(Label.formatVersion) { $0.encode(unsigned: Self.formatVersion) }
      map.set(Label.module) { $0.encode(ascii: module.bytes) }
      map.set(Label.epoch) { $0.encode(unsigned: epoch) }
      map.set(Label.deviceID) { $0.encode(bytes: deviceID) }
      map.set(Label.grantKeyThumbprint) { $0.encode(bytes: grantKeyThumbprint) }
      map.set(Label.issuer) { $0.encode(bytes: issuer) }
      map.set(Label.sequence) { $0.encode(unsigned: sequence) }
      map.set(Label.issuedAt) { $0.encode(unsigned: issuedAt) }
      if let notBefore { map.set(Label.notBefore) { $0.encode(unsigned: notBefore) } }
      if let notAfter { map.set(Label.notAfter) { $0.encode(unsigned: notAfter) } }
      if let versions { map.set(Label.versions) { versions.encode(to: &$0) } }
      map.set(Label.lifecycle) { lifecycle.encode(to: &$0) }
      if let features { map.set(Label.features) { $0.encode(bytes: features) } }
      if let minimumStatus { map.set(Label.minimumStatus) { $0.encode(unsigned: minimumStatus) } }
    }
    return encoder.bytes
  }

  /// What the content key's wrapping is bound to: external_aad of SPEC 5.
  var wrappingAAD: [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(text: "husk-grant")
    encoder.encode(encoded: encoded())
    return encoder.bytes
  }
}

extension GrantTerms {
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

  init(_ reader: inout CBORReader) throws(FormatError) {
    let start = reader.position
    let fields = try parsing(.grant) { () throws(CBORError) in try Fields(&reader) }
    guard fields.formatVersion == Self.formatVersion else {
      throw FormatError(fields.formatVersion == nil ? .malformed : .unsupportedVersion, in: .grant, at: start)
    }
    module = try require(fields.module, in: .grant, at: start)
    epoch = try require(fields.epoch, in: .grant, at: start)
    deviceID = try require(fields.deviceID, in: .grant, at: start)
    grantKeyThumbprint = try require(fields.grantKeyThumbprint, in: .grant, at: start)
    issuer = try require(fields.issuer, in: .grant, at: start)
    sequence = try require(fields.sequence, in: .grant, at: start)
    issuedAt = try require(fields.issuedAt, in: .grant, at: start)
    lifecycle = try require(fields.lifecycle, in: .grant, at: start)
    notBefore = fields.notBefore
    notAfter = fields.notAfter
    versions = fields.versions
    features = fields.features
    minimumStatus = fields.minimumStatus
  }

  /// The members as they come.
  private struct Fields {
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
        default: throw CBORError(.unexpectedType, at: start)
        }
      }
    }
  }
}

/// A grant: terms, and the content key wrapped to one device's grant key (SPEC 5).
public struct Grant: Equatable, Sendable {
  public let terms: GrantTerms
  let wrappedKey: Encrypt0

  public static let type: StaticString = "application/husk-grant+cbor"
  /// Of a content key, in bytes.
  public static let contentKeySize = 32

  /// Parses a grant's payload. Believe it only if it was verified.
  init(parsing payload: ArraySlice<UInt8>) throws(FormatError) {
    var reader = try parsing(.grant) { () throws(CBORError) in try CBORReader(wholeItem: payload) }
    try parsing(.grant) { () throws(CBORError) in try reader.expectArray(of: 2) }
    terms = try GrantTerms(&reader)
    do throws(COSEError) {
      wrappedKey = try Encrypt0(&reader)
    } catch {
      throw FormatError(error, in: .wrappedKey)
    }
    guard wrappedKey.ciphertext.count == Self.contentKeySize + AEAD.tagByteCount else {
      throw FormatError(.malformed, in: .wrappedKey)
    }
  }

  /// Unwraps the content key with the device's grant key; throws `keyUnwrapFailed`.
  public func unwrap(with grantKey: borrowing X25519PrivateKey) throws(FormatError) -> SecretBytes {
    do throws(COSEError) {
      return try wrappedKey.open(with: grantKey, externalAAD: terms.wrappingAAD)
    } catch {
      throw FormatError(error, in: .wrappedKey)
    }
  }

  /// Wraps a content key to a device's grant key under terms; returns the payload to sign.
  public static func encodePayload(
    terms: GrantTerms, contentKey: borrowing SecretBytes, grantKey: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    let wrapped = try Encrypt0.seal(contentKey, to: grantKey, externalAAD: terms.wrappingAAD)
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(encoded: terms.encoded())
    encoder.encode(encoded: wrapped)
    return encoder.bytes
  }
}

/// A grant file (SPEC 5), parsed but not verified.
public struct GrantFile: Sendable {
  public let chain: CertificateChain
  public let object: Sign1

  public init(_ bytes: [UInt8]) throws(FormatError) {
    guard bytes.count <= Limits.grant else { throw FormatError(.limitExceeded, in: .grant) }
    var reader = CBORReader(bytes)
    try FileLabel.grant.read(&reader)
    try parsing(.grant) { () throws(CBORError) in try reader.expectArray(of: 2) }
    chain = try CertificateChain(&reader)
    object = try parsing(.grant) { () throws(CBORError) in try Sign1(&reader) }
    try parsing(.grant) { () throws(CBORError) in try reader.finish() }
  }

  /// The terms, unverified: for showing to people.
  public func unverifiedTerms() throws(FormatError) -> GrantTerms {
    try Grant(parsing: object.payload).terms
  }

  /// Checks signature, role and scope: the one way to a verified grant.
  public func verify(with verifier: ChainVerifier) throws(FormatError) -> Verified<Grant> {
    // First, since a grant of another version may not even be signed in a way that is known here (SPEC 16).
    let grant = try Grant(parsing: object.payload)
    let authority = try verifier.verify(chain, signing: object, type: Grant.type, role: .grant, part: .grant)
    guard authority.scope.covers(grant.terms.module) else { throw FormatError(.scopeViolation, in: .grant) }
    return Verified(grant, by: authority, issuedAt: grant.terms.issuedAt)
  }

  /// Encodes a grant file from an encoded chain and the signed payload.
  public static func encode(chain: [UInt8], signedGrant: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder()
    FileLabel.grant.encode(to: &encoder)
    encoder.beginArray(2)
    encoder.encode(encoded: chain)
    encoder.encode(encoded: signedGrant)
    return encoder.bytes
  }
}
