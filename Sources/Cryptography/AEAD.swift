import CLibCrypto
public import SecretBytes

/// Authenticated encryption with additional data (RFC 5116), a message at a time. A ciphertext ends with its tag.
///
/// A key must never seal two messages with the same nonce.
public enum AEAD: Sendable {
  /// AES-256 in Galois/Counter mode (NIST SP 800-38D).
  case aes256GCM
  /// RFC 8439.
  case chaCha20Poly1305

  /// The size of a key, in bytes.
  public static let keyByteCount = 32
  /// The size of a nonce, in bytes.
  public static let nonceByteCount = 12
  /// How much longer a ciphertext is than its plaintext, in bytes.
  public static let tagByteCount = 16

  /// Encrypts a message and appends the tag.
  public func seal(
    key: borrowing SecretBytes, nonce: RawSpan, aad: RawSpan, plaintext: RawSpan
  ) throws(CryptographyError) -> [UInt8] {
    var context = try key.withBytes { (key) throws(CryptographyError) in
      try AEADContext(self, key: key, direction: .seal)
    }
    return try context.seal(nonce: nonce, aad: aad, plaintext: plaintext)
  }

  /// Verifies and decrypts a message.
  ///
  /// - Parameter output: has room for the plaintext. If the message is not authentic, that part of it is wiped.
  /// - Returns: the size of the plaintext.
  public func open(
    key: borrowing SecretBytes, nonce: RawSpan, aad: RawSpan, ciphertext: RawSpan,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) -> Int {
    var context = try key.withBytes { (key) throws(CryptographyError) in
      try AEADContext(self, key: key, direction: .open)
    }
    return try context.open(nonce: nonce, aad: aad, ciphertext: ciphertext, into: output)
  }
}
