public import CBOR
public import Cryptography
public import SecretBytes

/// A COSE_Encrypt0 (RFC 9052 §5.2) with HPKE-4 integrated encryption (draft-ietf-cose-hpke): DHKEM(X25519, HKDF-SHA256),
/// HKDF-SHA256, ChaCha20-Poly1305, mode base, empty info.
public struct Encrypt0: Equatable, Sendable {
  public let protectedHeader: ArraySlice<UInt8>
  /// `ek`: the encapsulated key, 32 bytes.
  public let encapsulatedKey: ArraySlice<UInt8>
  public let ciphertext: ArraySlice<UInt8>

  /// COSE_Encrypt0_Tagged.
  public static let tag: UInt64 = 16
  /// The COSE algorithm number of HPKE-4.
  public static let algorithm: Int64 = 42

  /// Reads a tagged COSE_Encrypt0 whose headers are exactly `alg` = HPKE-4 and `ek` (SPEC 5).
  public init(_ reader: inout CBORReader) throws(COSEError) {
    do throws(CBORError) {
      let start = reader.position
      guard try reader.readTag() == Self.tag, try reader.readArrayHeader() == 3 else {
        throw CBORError(.unexpectedType, at: start)
      }
      protectedHeader = try reader.readBytes()
      let unprotectedStart = reader.position
      var map = try reader.readMap()
      guard map.remaining == 1, try reader.nextIntegerKey(&map) == Label.encapsulatedKey else {
        throw CBORError(.unexpectedType, at: unprotectedStart)
      }
      encapsulatedKey = try reader.readBytes(count: HPKE.encapsulatedKeyByteCount)
      ciphertext = try reader.readBytes()
    } catch {
      throw .malformed(error)
    }
    guard protectedHeader.elementsEqual(Self.expectedProtectedHeader) else { throw .algorithmMismatch }
  }

  /// Opens it with the recipient's private key; the external AAD and info must be those it was sealed with.
  public func open(
    with privateKey: borrowing X25519PrivateKey, externalAAD: [UInt8], info: [UInt8] = []
  ) throws(COSEError) -> SecretBytes {
    let aad = Self.encryptionStructure(protectedHeader: protectedHeader, externalAAD: externalAAD)
    do throws(CryptographyError) {
      return try HPKE.open(
        encapsulatedKey: encapsulatedKey.span.bytes, privateKey: privateKey, info: info.span.bytes,
        aad: aad.span.bytes, ciphertext: ciphertext.span.bytes)
    } catch {
      switch error {
      // An encapsulated key of low order is the sender's doing as much as a wrong tag is.
      case .authenticationFailed, .invalidKey: throw .decryptionFailed
      default: throw .cryptography(error)
      }
    }
  }

  /// Seals a secret to an X25519 public key.
  public init(
    sealing secret: borrowing SecretBytes, to publicKey: [UInt8], externalAAD: [UInt8]
  ) throws(CryptographyError) {
    var sender = try HPKE.Sender()
    try self.init(sealing: secret, to: publicKey, externalAAD: externalAAD, with: &sender)
  }

  /// Seals one secret of many, each to a public key of its own.
  public init(
    sealing secret: borrowing SecretBytes, to publicKey: [UInt8], externalAAD: [UInt8],
    with sender: inout HPKE.Sender
  ) throws(CryptographyError) {
    protectedHeader = Self.expectedProtectedHeader[...]
    let aad = Self.encryptionStructure(protectedHeader: protectedHeader, externalAAD: externalAAD)
    let empty: [UInt8] = []
    let sealed = try secret.withBytes { (plaintext) throws(CryptographyError) in
      try sender.seal(to: publicKey.span.bytes, info: empty.span.bytes, aad: aad.span.bytes, plaintext: plaintext)
    }
    encapsulatedKey = sealed.encapsulatedKey[...]
    ciphertext = sealed.ciphertext[...]
  }

  /// Takes one that was kept in its parts.
  public init(encapsulatedKey: ArraySlice<UInt8>, ciphertext: ArraySlice<UInt8>) {
    protectedHeader = Self.expectedProtectedHeader[...]
    self.encapsulatedKey = encapsulatedKey
    self.ciphertext = ciphertext
  }

  /// Writes the object, tagged.
  public func encode(to encoder: inout CBOREncoder) {
    encoder.tag(Self.tag)
    encoder.beginArray(3)
    encoder.encode(bytes: protectedHeader)
    encoder.encodeMap { map in map.set(Label.encapsulatedKey) { $0.encode(bytes: encapsulatedKey) } }
    encoder.encode(bytes: ciphertext)
  }

  /// Seals a secret to an X25519 public key; returns the encoded object.
  public static func seal(
    _ secret: borrowing SecretBytes, to publicKey: [UInt8], externalAAD: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    var encoder = CBOREncoder()
    try Encrypt0(sealing: secret, to: publicKey, externalAAD: externalAAD).encode(to: &encoder)
    return encoder.bytes
  }
}

extension Encrypt0 {
  private enum Label {
    static let algorithm: Int64 = 1
    static let encapsulatedKey: Int64 = -4
  }

  private static let expectedProtectedHeader: [UInt8] = {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in map.set(Label.algorithm) { $0.encode(integer: algorithm) } }
    return encoder.bytes
  }()

  /// Enc_structure, RFC 9052 §5.3.
  static func encryptionStructure(
    protectedHeader: ArraySlice<UInt8>, externalAAD: [UInt8]
  ) -> [UInt8] {
    var encoder = CBOREncoder(capacity: protectedHeader.count + externalAAD.count + 32)
    encoder.beginArray(3)
    encoder.encode(text: "Encrypt0")
    encoder.encode(bytes: protectedHeader)
    encoder.encode(bytes: externalAAD)
    return encoder.bytes
  }
}
