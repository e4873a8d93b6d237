public import CBOR
public import COSE
public import Cryptography

/// A CBOR certificate of the Open Profile for DICE: one layer's key, certified by the layer before, with what it measured.
public struct DICECertificate: Sendable {
  /// The certificate's signed object, for verification and for passing on.
  public let object: Sign1
  /// 40 hexadecimal digits.
  public let issuer: [UInt8]
  /// 40 hexadecimal digits.
  public let subject: [UInt8]
  public let codeHash: [UInt8]
  public let configuration: [UInt8]
  public let authorityHash: [UInt8]
  public let mode: DICE.Mode
  public let subjectKey: PublicKey
  /// A bit string; what the profile says of the subject key.
  public let keyUsage: [UInt8]

  /// Parses a certificate; nothing is verified yet.
  public init(_ reader: inout CBORReader) throws(COSEError) {
    do throws(CBORError) {
      object = try Sign1(&reader)
    } catch {
      throw .malformed(error)
    }
    let claims = try Claims(object.payload)
    issuer = claims.issuer
    subject = claims.subject
    codeHash = claims.codeHash
    configuration = claims.configuration
    authorityHash = claims.authorityHash
    mode = claims.mode
    subjectKey = claims.subjectKey
    keyUsage = claims.keyUsage
  }

  /// Verifies the signature with the issuer's key, that issuer and subject are the identifiers of the keys, and that the
  /// subject key is one to sign certificates with.
  public func verify(issuerKey: PublicKey) throws(DICEError) {
    do throws(COSEError) {
      try object.verify(with: issuerKey, type: nil)
    } catch {
      throw .cose(error)
    }
    let expectedIssuer: [UInt8]
    let expectedSubject: [UInt8]
    do throws(CryptographyError) {
      expectedIssuer = try DICE.identifier(of: issuerKey)
      expectedSubject = try DICE.identifier(of: subjectKey)
    } catch {
      throw .cose(.cryptography(error))
    }
    guard issuer == expectedIssuer, subject == expectedSubject, keyUsage == Self.certificateSigning else {
      throw .claimsMismatch
    }
  }

  /// Certifies a layer's key with the key of the layer before; returns the encoded certificate.
  public static func issue(
    inputs: DICE.Inputs, subject: borrowing SigningKey, issuer: borrowing SigningKey
  ) throws(CryptographyError) -> [UInt8] {
    do throws(SignerError) {
      let subjectKey = try subject.publicKey()
      let issuerKey = try issuer.publicKey()
      let claims = try Self.claims(inputs, subjectKey: subjectKey, issuerKey: issuerKey)
      return try Sign1.sign(payload: claims, type: nil, with: issuer)
    } catch {
      switch error {
      case .cryptography(let error): throw error
      }
    }
  }
}

extension DICECertificate {
  private enum Label {
    static let issuer: Int64 = 1
    static let subject: Int64 = 2
    static let codeHash: Int64 = -4_670_545
    static let configuration: Int64 = -4_670_548
    static let authorityHash: Int64 = -4_670_549
    static let mode: Int64 = -4_670_551
    static let subjectKey: Int64 = -4_670_552
    static let keyUsage: Int64 = -4_670_553
  }

  /// keyCertSign of X.509.
  private static let certificateSigning: [UInt8] = [0x20]

  private static func claims(
    _ inputs: DICE.Inputs, subjectKey: PublicKey, issuerKey: PublicKey
  ) throws(SignerError) -> [UInt8] {
    let issuer: [UInt8]
    let subject: [UInt8]
    do throws(CryptographyError) {
      issuer = try DICE.identifier(of: issuerKey)
      subject = try DICE.identifier(of: subjectKey)
    } catch {
      throw .cryptography(error)
    }
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(Label.issuer) { $0.encode(hexText: issuer) }
      map.set(Label.subject) { $0.encode(hexText: subject) }
      map.set(Label.codeHash) { $0.encode(bytes: inputs.code) }
      map.set(Label.configuration) { $0.encode(bytes: inputs.configuration) }
      map.set(Label.authorityHash) { $0.encode(bytes: inputs.authority) }
      map.set(Label.mode) { $0.encode(bytes: [inputs.mode.rawValue]) }
      map.set(Label.subjectKey) { $0.encode(bytes: ProfileKey.encode(subjectKey)) }
      map.set(Label.keyUsage) { $0.encode(bytes: certificateSigning) }
    }
    return encoder.bytes
  }

  /// The claims as they come.
  private struct Claims {
    let issuer: [UInt8]
    let subject: [UInt8]
    let codeHash: [UInt8]
    let configuration: [UInt8]
    let authorityHash: [UInt8]
    let mode: DICE.Mode
    let subjectKey: PublicKey
    let keyUsage: [UInt8]

    init(_ payload: ArraySlice<UInt8>) throws(COSEError) {
      let encodedKey: ArraySlice<UInt8>
      do throws(CBORError) {
        var reader = CBORReader(payload)
        let start = reader.position
        var map = try reader.readMap()
        // Every claim is required, so the order of labels is known.
        guard map.remaining == 8 else { throw CBORError(.outOfRange, at: start) }
        try Self.expect(Label.issuer, &reader, &map)
        issuer = try Self.readIdentifier(&reader)
        try Self.expect(Label.subject, &reader, &map)
        subject = try Self.readIdentifier(&reader)
        try Self.expect(Label.codeHash, &reader, &map)
        codeHash = Array(try reader.readBytes(count: DICE.inputSize))
        try Self.expect(Label.configuration, &reader, &map)
        configuration = Array(try reader.readBytes(count: DICE.inputSize))
        try Self.expect(Label.authorityHash, &reader, &map)
        authorityHash = Array(try reader.readBytes(count: DICE.inputSize))
        try Self.expect(Label.mode, &reader, &map)
        let modeStart = reader.position
        guard let byte = try reader.readBytes(count: 1).first, let mode = DICE.Mode(rawValue: byte) else {
          throw CBORError(.outOfRange, at: modeStart)
        }
        self.mode = mode
        try Self.expect(Label.subjectKey, &reader, &map)
        encodedKey = try reader.readBytes()
        try Self.expect(Label.keyUsage, &reader, &map)
        keyUsage = Array(try reader.readBytes())
        try reader.finish()
      } catch {
        throw .malformed(error)
      }
      subjectKey = try ProfileKey.read(encodedKey)
    }

    private static func expect(
      _ label: Int64, _ reader: inout CBORReader, _ map: inout CBORMapCursor
    ) throws(CBORError) {
      let start = reader.position
      guard try reader.nextIntegerKey(&map) == label else { throw CBORError(.unexpectedType, at: start) }
    }

    private static func readIdentifier(_ reader: inout CBORReader) throws(CBORError) -> [UInt8] {
      let start = reader.position
      let text = try reader.readText()
      guard text.count == 40 else { throw CBORError(.outOfRange, at: start) }
      return Array(text)
    }
  }
}

/// The COSE_Key that the profile puts into certificates: like SPEC 2.1's, with alg and key_ops (verify).
private enum ProfileKey {
  static func encode(_ key: PublicKey) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(1) { $0.encode(unsigned: 1) }
      map.set(3) { $0.encode(integer: SignatureAlgorithm.edDSA.rawValue) }
      map.set(4) { operations in
        operations.beginArray(1)
        operations.encode(unsigned: 2)
      }
      map.set(-1) { $0.encode(unsigned: 6) }
      map.set(-2) { $0.encode(bytes: key.bytes) }
    }
    return encoder.bytes
  }

  /// Accepts exactly what ``encode(_:)`` writes for some Ed25519 key.
  static func read(_ encoded: ArraySlice<UInt8>) throws(COSEError) -> PublicKey {
    let raw = Array(encoded.suffix(32))
    do throws(CryptographyError) {
      let key = try PublicKey(algorithm: .edDSA, bytes: raw.span.bytes)
      guard encoded.elementsEqual(encode(key)) else { throw .invalidKey }
      return key
    } catch {
      throw .invalidKey
    }
  }
}

extension CBOREncoder {
  /// Hexadecimal digits, which are ASCII.
  fileprivate mutating func encode(hexText text: [UInt8]) {
    do throws(CBORError) { try encode(textUTF8: text) } catch { encodeNull() }
  }
}
