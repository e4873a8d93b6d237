import CBOR
public import Cryptography
public import SecretBytes

/// A COSE_Encrypt0 (RFC 9052 §5.2) under a key that both sides have: A256GCM with a random nonce.
///
///     16([h'a10103', { 5: nonce }, ciphertext])
///
/// A random nonce of 96 bits allows a key some billions of messages.
public enum KeyedEncrypt0 {
  /// The COSE algorithm number of A256GCM.
  public static let algorithm: Int64 = 3

  /// Encrypts a secret; returns the encoded object.
  ///
  /// - Parameters:
  ///   - key: 32 bytes.
  ///   - externalAAD: what it is bound to.
  public static func seal(
    _ secret: borrowing SecretBytes, key: borrowing SecretBytes, externalAAD: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    let protected = protectedHeader
    let aad = Encrypt0.encryptionStructure(protectedHeader: protected[...], externalAAD: externalAAD)
    let nonce = try randomBytes(count: AEAD.nonceByteCount)
    let ciphertext = try secret.withBytes { (plaintext) throws(CryptographyError) in
      try AEAD.aes256GCM.seal(key: key, nonce: nonce.span.bytes, aad: aad.span.bytes, plaintext: plaintext)
    }
    var encoder = CBOREncoder()
    encoder.tag(Encrypt0.tag)
    encoder.beginArray(3)
    encoder.encode(bytes: protected)
    encoder.encodeMap { map in map.set(Label.nonce) { $0.encode(bytes: nonce) } }
    encoder.encode(bytes: ciphertext)
    return encoder.bytes
  }

  /// Decrypts what ``seal(_:key:externalAAD:)`` made, and nothing that is encoded otherwise.
  ///
  /// - Throws: `malformed`, `algorithmMismatch`, `decryptionFailed`, `cryptography`.
  public static func open(
    _ encoded: [UInt8], key: borrowing SecretBytes, externalAAD: [UInt8]
  ) throws(COSEError) -> SecretBytes {
    let protected: ArraySlice<UInt8>
    let nonce: ArraySlice<UInt8>
    let ciphertext: ArraySlice<UInt8>
    do throws(CBORError) {
      var reader = CBORReader(encoded)
      let start = reader.position
      guard try reader.readTag() == Encrypt0.tag, try reader.readArrayHeader() == 3 else {
        throw CBORError(.unexpectedType, at: start)
      }
      protected = try reader.readBytes()
      let unprotectedStart = reader.position
      var map = try reader.readMap()
      guard map.remaining == 1, try reader.nextIntegerKey(&map) == Label.nonce else {
        throw CBORError(.unexpectedType, at: unprotectedStart)
      }
      nonce = try reader.readBytes(count: AEAD.nonceByteCount)
      let ciphertextStart = reader.position
      ciphertext = try reader.readBytes()
      guard ciphertext.count >= AEAD.tagByteCount else { throw CBORError(.outOfRange, at: ciphertextStart) }
      try reader.finish()
    } catch {
      throw .malformed(error)
    }
    guard protected.elementsEqual(protectedHeader) else { throw .algorithmMismatch }
    let aad = Encrypt0.encryptionStructure(protectedHeader: protected, externalAAD: externalAAD)
    do throws(CryptographyError) {
      return try decrypt(ciphertext, key, nonce, aad)
    } catch {
      throw error == .authenticationFailed ? .decryptionFailed : .cryptography(error)
    }
  }

  private enum Label {
    static let algorithm: Int64 = 1
    static let nonce: Int64 = 5
  }

  private static var protectedHeader: [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in map.set(Label.algorithm) { $0.encode(integer: algorithm) } }
    return encoder.bytes
  }

  private static func decrypt(
    _ ciphertext: ArraySlice<UInt8>, _ key: borrowing SecretBytes, _ nonce: ArraySlice<UInt8>, _ aad: [UInt8]
  ) throws(CryptographyError) -> SecretBytes {
    var secret: SecretBytes
    do throws(SecretBytesError) {
      secret = try SecretBytes(count: ciphertext.count - AEAD.tagByteCount)
    } catch {
      throw .outOfMemory
    }
    _ = try secret.withMutableBytes { (output) throws(CryptographyError) in
      try AEAD.aes256GCM.open(
        key: key, nonce: nonce.span.bytes, aad: aad.span.bytes, ciphertext: ciphertext.span.bytes, into: output)
    }
    return secret
  }
}
