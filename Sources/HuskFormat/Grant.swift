import CBOR
public import COSE
public import Cryptography
import ErrorClass
public import SecretBytes

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
    let start = reader.position
    do throws(COSEError) {
      wrappedKey = try Encrypt0(&reader)
    } catch {
      throw FormatError(error, in: .wrappedKey, startingAt: start)
    }
    guard wrappedKey.ciphertext.count == Self.contentKeySize + AEAD.tagByteCount else {
      throw FormatError(.malformed, in: .wrappedKey, at: start)
    }
  }

  /// Unwraps the content key with the device's grant key; throws `keyUnwrapFailed`.
  public func unwrap(with grantKey: borrowing X25519PrivateKey) throws(FormatError) -> SecretBytes {
    do throws(COSEError) {
      return try wrappedKey.open(with: grantKey, externalAAD: Self.wrappingAAD(terms: terms.encoded()))
    } catch {
      throw FormatError(error, in: .wrappedKey)
    }
  }

  /// Wraps a content key to a device's grant key under terms; returns the payload to sign.
  public static func encodePayload(
    terms: GrantTerms, contentKey: borrowing SecretBytes, grantKey: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    let encoded = terms.encoded()
    let wrapped = try Encrypt0(sealing: contentKey, to: grantKey, externalAAD: wrappingAAD(terms: encoded))
    return encodePayload(terms: encoded, wrapped)
  }

  static func encodePayload(terms: [UInt8], _ wrappedKey: Encrypt0) -> [UInt8] {
    var encoder = CBOREncoder(capacity: terms.count + 128)
    encoder.beginArray(2)
    encoder.encode(encoded: terms)
    wrappedKey.encode(to: &encoder)
    return encoder.bytes
  }

  /// What the content key's wrapping is bound to: external_aad of SPEC 5.
  static func wrappingAAD(terms: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder(capacity: terms.count + 16)
    encoder.beginArray(2)
    encoder.encode(text: "husk-grant")
    encoder.encode(encoded: terms)
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

  /// SHA-256 of what is signed.
  public func grantID() throws(FormatError) -> [UInt8] {
    do throws(CryptographyError) {
      return try SHA256.hash(object.payload.span.bytes)
    } catch {
      throw FormatError(error, in: .grant)
    }
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
