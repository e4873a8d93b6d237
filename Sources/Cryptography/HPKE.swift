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
    var sender = try Sender()
    return try sender.seal(to: publicKey, info: info, aad: aad, plaintext: plaintext)
  }

  /// Encrypts messages to many owners of public keys, one after the other: what libcrypto makes for each, it keeps.
  public struct Sender: ~Copyable {
    private let generator: X25519PrivateKey.Generator
    private var kem: LabeledHKDF
    private var schedule: LabeledHKDF

    public init() throws(CryptographyError) {
      let generator = try X25519PrivateKey.Generator()
      let kem = try DHKEM.makeKDF()
      let schedule = try HPKEContext.makeKDF(.chaCha20Poly1305)
      self.generator = generator
      self.kem = kem
      self.schedule = schedule
    }

    /// The same as ``HPKE/seal(to:info:aad:plaintext:)``.
    public mutating func seal(
      to publicKey: RawSpan, info: RawSpan, aad: RawSpan, plaintext: RawSpan
    ) throws(CryptographyError) -> (encapsulatedKey: [UInt8], ciphertext: [UInt8]) {
      let ephemeralKey = try generator.generate()
      let sharedSecret = try DHKEM.encapsulate(to: publicKey, ephemeralKey: ephemeralKey, &kem)
      var context = try HPKEContext(.chaCha20Poly1305, .seal, sharedSecret: sharedSecret, info: info, &schedule)
      return (ephemeralKey.publicKey, try context.seal(sequenceNumber: 0, aad: aad, plaintext: plaintext))
    }
  }

  /// Decrypts a message that was sealed to a key's owner (section 6.1).
  public static func open(
    encapsulatedKey: RawSpan, privateKey: borrowing X25519PrivateKey, info: RawSpan, aad: RawSpan, ciphertext: RawSpan
  ) throws(CryptographyError) -> SecretBytes {
    var kem = try DHKEM.makeKDF()
    let sharedSecret = try DHKEM.decapsulate(encapsulatedKey, privateKey: privateKey, &kem)
    var schedule = try HPKEContext.makeKDF(.chaCha20Poly1305)
    var context = try HPKEContext(.chaCha20Poly1305, .open, sharedSecret: sharedSecret, info: info, &schedule)
    return try context.open(sequenceNumber: 0, aad: aad, ciphertext: ciphertext)
  }
}
