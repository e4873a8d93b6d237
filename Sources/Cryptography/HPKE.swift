public import SecretBytes

/// Hybrid public key encryption (RFC 9180), one message per encapsulated key: base mode, DHKEM(X25519, HKDF-SHA256),
/// HKDF-SHA256, ChaCha20-Poly1305. COSE calls this suite HPKE-4.
public enum HPKE {
  /// The size of an encapsulated key, in bytes.
  public static let encapsulatedKeyByteCount = X25519PrivateKey.byteCount

  /// Encrypts a message to the owner of a public key (section 6.1).
  ///
  /// - Parameters:
  ///   - publicKey: the recipient's X25519 key.
  ///   - info: what both sides must agree on, bound into the key.
  ///   - aad: what both sides must agree on, bound to the message.
  /// - Returns: the encapsulated key, and the ciphertext with its tag.
  public static func seal(
    to publicKey: RawSpan, info: RawSpan, aad: RawSpan, plaintext: RawSpan
  ) throws(CryptographyError) -> (encapsulatedKey: [UInt8], ciphertext: [UInt8]) {
    let ephemeralKey = try X25519PrivateKey.generate()
    let sharedSecret = try DHKEM.encapsulate(to: publicKey, ephemeralKey: ephemeralKey)
    var context = try HPKEContext(.chaCha20Poly1305, .seal, sharedSecret: sharedSecret, info: info)
    return (ephemeralKey.publicKey, try context.seal(sequenceNumber: 0, aad: aad, plaintext: plaintext))
  }

  /// Decrypts a message that was sealed to a key's owner (section 6.1).
  public static func open(
    encapsulatedKey: RawSpan, privateKey: borrowing X25519PrivateKey, info: RawSpan, aad: RawSpan, ciphertext: RawSpan
  ) throws(CryptographyError) -> SecretBytes {
    let sharedSecret = try DHKEM.decapsulate(encapsulatedKey, privateKey: privateKey)
    var context = try HPKEContext(.chaCha20Poly1305, .open, sharedSecret: sharedSecret, info: info)
    return try context.open(sequenceNumber: 0, aad: aad, ciphertext: ciphertext)
  }
}
