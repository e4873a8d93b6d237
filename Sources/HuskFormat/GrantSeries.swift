import CBOR
import COSE
public import Cryptography
import ErrorClass
public import SecretBytes

/// Whom a grant is for: a device whose identity was verified.
public struct GrantRecipient: Equatable, Sendable {
  /// Thumbprint of the device's UDS public key, 32 bytes.
  public let deviceID: [UInt8]
  /// X25519, 32 bytes.
  public let grantKey: [UInt8]
  public let lifecycle: Lifecycle

  public init(_ identity: Verified<DeviceIdentity>) {
    deviceID = identity.value.deviceID
    grantKey = identity.value.grantKey
    lifecycle = identity.value.lifecycle
  }

  /// For who keeps verified identities and knows that nobody changed them.
  package init(deviceID: [UInt8], grantKey: [UInt8], lifecycle: Lifecycle) {
    self.deviceID = deviceID
    self.grantKey = grantKey
    self.lifecycle = lifecycle
  }
}

/// Grants that share everything but what is in their records: a part of a bundle (SPEC 5.1).
public struct GrantSeries: Equatable, Sendable {
  public let terms: CommonGrantTerms
  /// The encoded chain that ends in the key that signs the grants.
  public let chain: [UInt8]
  /// Of the key that signs the grants.
  public let issuer: [UInt8]
  private let algorithm: SignatureAlgorithm

  /// - Parameter chain: the encoding of a chain; nothing in it is verified here.
  public init(terms: CommonGrantTerms, chain: [UInt8]) throws(FormatError) {
    let key = try CertificateChain(encoded: chain).unverifiedLastKey()
    do throws(CryptographyError) {
      issuer = try COSEKey.thumbprint(key)
    } catch {
      throw FormatError(error, in: .chain)
    }
    self.terms = terms
    self.chain = chain
    algorithm = key.algorithm
  }

  /// Wraps a content key to a device and signs the terms.
  ///
  /// - Parameters:
  ///   - signer: has the key that the chain ends in.
  ///   - sender: any one; one for many grants saves time.
  public func issue(
    to recipient: GrantRecipient, sequence: UInt64, contentKey: borrowing SecretBytes,
    with signer: borrowing some Signer & ~Copyable, _ sender: inout HPKE.Sender
  ) throws(SignerError) -> GrantRecord {
    let wrapped: Encrypt0
    let payload: [UInt8]
    let thumbprint: [UInt8]
    do throws(CryptographyError) {
      thumbprint = try COSEKey.thumbprint(x25519: recipient.grantKey)
      let terms = GrantTerms(
        terms, deviceID: recipient.deviceID, grantKeyThumbprint: thumbprint, issuer: issuer, sequence: sequence
      ).encoded()
      wrapped = try Encrypt0(
        sealing: contentKey, to: recipient.grantKey, externalAAD: Grant.wrappingAAD(terms: terms), with: &sender)
      payload = Grant.encodePayload(terms: terms, wrapped)
    } catch {
      throw .cryptography(error)
    }
    return GrantRecord(
      deviceID: recipient.deviceID, grantKeyThumbprint: thumbprint, sequence: sequence,
      encapsulatedKey: wrapped.encapsulatedKey, ciphertext: wrapped.ciphertext,
      signature: try Sign1.signature(of: payload, type: Grant.type, with: signer))
  }

  /// Verifies the chain, and that it may grant the module; what it returns verifies the records.
  public func verify(with verifier: ChainVerifier) throws(FormatError) -> ChainVerifier.Authority {
    let authority = try verifier.verify(CertificateChain(encoded: chain), role: .grant)
    guard authority.scope.covers(terms.module) else { throw FormatError(.scopeViolation, in: .grant) }
    return authority
  }

  /// Verifies a record's signature.
  ///
  /// - Parameter authority: of ``verify(with:)``.
  public func verify(_ record: GrantRecord, by authority: ChainVerifier.Authority) throws(FormatError) {
    let signed = signed(record)
    var reader = CBORReader(signed)
    let object = try parsing(.grant) { () throws(CBORError) in try Sign1(&reader) }
    try ChainVerifier.verify(object, with: authority.key, type: Grant.type, part: .grant)
  }

  /// The grant file of a record.
  public func file(_ record: GrantRecord) -> [UInt8] {
    GrantFile.encode(chain: chain, signedGrant: signed(record))
  }

  /// The grant file of a record, after its signature was checked by the chain that comes with it: whether that one is to
  /// be trusted, and when, is for the device to judge.
  public func checkedFile(_ record: GrantRecord) throws(FormatError) -> [UInt8] {
    let root = try CertificateChain(encoded: chain).root
    let thumbprint: [UInt8]
    do throws(CryptographyError) {
      thumbprint = try COSEKey.thumbprint(root)
    } catch {
      throw FormatError(error, in: .root)
    }
    let verifier = ChainVerifier(
      anchors: TrustAnchors(thumbprints: [thumbprint]), time: TimeBasis(lowerBound: 0, trustedClock: nil))
    try verify(record, by: verify(with: verifier))
    return file(record)
  }

  private func signed(_ record: GrantRecord) -> [UInt8] {
    let terms = GrantTerms(
      terms, deviceID: Array(record.deviceID), grantKeyThumbprint: Array(record.grantKeyThumbprint), issuer: issuer,
      sequence: record.sequence)
    let wrapped = Encrypt0(encapsulatedKey: record.encapsulatedKey, ciphertext: record.ciphertext)
    return Sign1.encode(
      payload: Grant.encodePayload(terms: terms.encoded(), wrapped), type: Grant.type, algorithm: algorithm,
      signature: record.signature)
  }
}
