public import CBOR
public import Cryptography

/// A COSE_Sign1 with attached payload (RFC 9052 §4.2), parsed but not verified: nothing in it may be believed before
/// ``verify(with:type:)`` returned.
public struct Sign1: Sendable {
  /// The content of the protected header's byte string.
  public let protectedHeader: ArraySlice<UInt8>
  /// The signed payload.
  public let payload: ArraySlice<UInt8>
  /// 64 bytes.
  public let signature: ArraySlice<UInt8>
  /// Whether the unprotected header is empty, as Husk demands (SPEC 2.2).
  public let hasEmptyUnprotectedHeader: Bool

  /// COSE_Sign1_Tagged.
  public static let tag: UInt64 = 18

  /// Reads a tagged COSE_Sign1 with any headers.
  public init(_ reader: inout CBORReader) throws(CBORError) {
    let start = reader.position
    guard try reader.readTag() == Self.tag else { throw CBORError(.unexpectedType, at: start) }
    let arrayStart = reader.position
    guard try reader.readArrayHeader() == 4 else { throw CBORError(.outOfRange, at: arrayStart) }
    protectedHeader = try reader.readBytes()
    let unprotectedStart = reader.position
    guard try reader.peekType() == .map else { throw CBORError(.unexpectedType, at: unprotectedStart) }
    hasEmptyUnprotectedHeader = try reader.skipItem().elementsEqual([0xa0])
    payload = try reader.readBytes()
    signature = try reader.readBytes(count: SignatureAlgorithm.signatureByteCount)
  }

  /// Checks that this is what SPEC 2.2 allows in the place for `type`, and that it was signed with `key`.
  ///
  /// - Parameter type: the `typ` that the place demands; nil for an object of a profile that has none (DICE).
  /// - Throws: `unexpectedType`, `algorithmMismatch`, `unexpectedHeader`, `signatureInvalid`, `cryptography`.
  public func verify(with key: PublicKey, type: StaticString?) throws(COSEError) {
    guard hasEmptyUnprotectedHeader else { throw .unexpectedHeader }
    let expected = Self.protectedHeader(algorithm: key.algorithm, type: type)
    guard protectedHeader.elementsEqual(expected) else { throw Self.difference(protectedHeader, key.algorithm, type) }
    try verifySignature(with: key, externalAAD: [])
  }

  /// Checks the signature alone, whatever the headers say.
  public func verifySignature(with key: PublicKey, externalAAD: [UInt8]) throws(COSEError) {
    let toBeSigned = Self.signatureStructure(
      protectedHeader: protectedHeader, externalAAD: externalAAD, payload: payload)
    do throws(CryptographyError) {
      try key.verify(signature: signature.span.bytes, message: toBeSigned.span.bytes)
    } catch {
      throw error == .invalidSignature ? .signatureInvalid : .cryptography(error)
    }
  }

  /// Signs a payload; returns the encoded object.
  public static func sign(
    payload: [UInt8], type: StaticString?, with signer: borrowing some Signer & ~Copyable
  ) throws(SignerError) -> [UInt8] {
    let signature = try signature(of: payload, type: type, with: signer)
    return encode(payload: payload, type: type, algorithm: signer.algorithm, signature: signature)
  }

  /// The signature alone, 64 bytes, of an object that ``encode(payload:type:algorithm:signature:)`` makes.
  public static func signature(
    of payload: [UInt8], type: StaticString?, with signer: borrowing some Signer & ~Copyable
  ) throws(SignerError) -> [UInt8] {
    let protected = protectedHeader(algorithm: signer.algorithm, type: type)
    return try signer.sign(
      signatureStructure(protectedHeader: protected[...], externalAAD: [], payload: payload[...]).span.bytes)
  }

  /// Encodes an object from its parts.
  public static func encode(
    payload: [UInt8], type: StaticString?, algorithm: SignatureAlgorithm, signature: some Collection<UInt8>
  ) -> [UInt8] {
    var encoder = CBOREncoder(capacity: payload.count + signature.count + 64)
    encoder.tag(tag)
    encoder.beginArray(4)
    encoder.encode(bytes: protectedHeader(algorithm: algorithm, type: type))
    encoder.encodeMap { _ in }
    encoder.encode(bytes: payload)
    encoder.encode(bytes: signature)
    return encoder.bytes
  }
}

extension Sign1 {
  private enum Label {
    static let algorithm: Int64 = 1
    static let type: Int64 = 16
  }

  private static func protectedHeader(algorithm: SignatureAlgorithm, type: StaticString?) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(Label.algorithm) { $0.encode(integer: algorithm.rawValue) }
      if let type { map.set(Label.type) { $0.encode(text: type) } }
    }
    return encoder.bytes
  }

  /// Sig_structure, RFC 9052 §4.4.
  private static func signatureStructure(
    protectedHeader: ArraySlice<UInt8>, externalAAD: [UInt8], payload: ArraySlice<UInt8>
  ) -> [UInt8] {
    var encoder = CBOREncoder(capacity: protectedHeader.count + externalAAD.count + payload.count + 32)
    encoder.beginArray(4)
    encoder.encode(text: "Signature1")
    encoder.encode(bytes: protectedHeader)
    encoder.encode(bytes: externalAAD)
    encoder.encode(bytes: payload)
    return encoder.bytes
  }

  /// What is wrong with a protected header that isn't the expected one: for the error only.
  private static func difference(
    _ header: ArraySlice<UInt8>, _ algorithm: SignatureAlgorithm, _ type: StaticString?
  ) -> COSEError {
    do throws(CBORError) {
      var reader = CBORReader(header)
      var map = try reader.readMap()
      var foundAlgorithm: Int64?
      var foundType: ArraySlice<UInt8>?
      var hasOther = false
      while let label = try reader.nextIntegerKey(&map) {
        switch label {
        case Label.algorithm: foundAlgorithm = try reader.readInteger()
        case Label.type:
          foundType = try reader.peekType() == .text ? reader.readText() : reader.skipItem()
        default:
          hasOther = true
          _ = try reader.skipItem()
        }
      }
      try reader.finish()
      if !isEqual(foundType, type) { return .unexpectedType }
      if foundAlgorithm != algorithm.rawValue { return .algorithmMismatch }
      return hasOther ? .unexpectedHeader : .malformed(CBORError(.nonCanonical, at: header.startIndex))
    } catch {
      return .malformed(error)
    }
  }

  private static func isEqual(_ found: ArraySlice<UInt8>?, _ expected: StaticString?) -> Bool {
    switch (found, expected) {
    case (nil, nil): true
    case (let found?, let expected?): expected.withUTF8Buffer { found.elementsEqual($0) }
    default: false
    }
  }
}
