import CLibCrypto
public import SecretBytes

/// A private key for Diffie-Hellman on Curve25519 (RFC 7748).
public struct X25519PrivateKey: ~Copyable {
  /// The size of a private key, a public key and a shared secret, in bytes.
  public static let byteCount = 32

  /// What others agree on a secret with.
  public let publicKey: [UInt8]

  let key: LibraryObject

  /// Makes a new key.
  public static func generate() throws(CryptographyError) -> X25519PrivateKey {
    try Generator().generate()
  }

  /// Makes new keys. Not for several threads at once.
  struct Generator: ~Copyable {
    private let generator: RawKeyGenerator

    init() throws(CryptographyError) {
      generator = try RawKeyGenerator("X25519")
    }

    borrowing func generate() throws(CryptographyError) -> X25519PrivateKey {
      try X25519PrivateKey(generator.generate())
    }
  }

  /// The key that 32 bytes stand for.
  public init(_ secret: borrowing SecretBytes) throws(CryptographyError) {
    try self.init(makeRawPrivateKey("X25519", secret))
  }

  private init(_ key: consuming LibraryObject) throws(CryptographyError) {
    publicKey = try rawPublicKey(of: key)
    self.key = key
  }

  /// The secret that this key shares with another's owner. A public key of low order, for which anybody knows the
  /// secret (it is all zeros), is refused with `.invalidKey`.
  public borrowing func sharedSecret(with publicKey: RawSpan) throws(CryptographyError) -> SecretBytes {
    guard publicKey.byteCount == Self.byteCount else { throw .invalidLength }
    let peer = try makeRawPublicKey("X25519", publicKey)
    let context = try LibraryObject(
      EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil), freedBy: EVP_PKEY_CTX_free, .keyAgreement)
    try check(EVP_PKEY_derive_init(context.pointer), .keyAgreement)
    // Every 32 bytes are a public key (RFC 7748 section 5): there is nothing for libcrypto to validate.
    try check(EVP_PKEY_derive_set_peer_ex(context.pointer, peer.pointer, 0), .keyAgreement)
    var secret = try makeSecret(count: Self.byteCount)
    var count = secret.count
    let pointer = context.pointer
    let status = try secret.withMutablePointer { EVP_PKEY_derive(pointer, $0, &count) }
    // libcrypto refuses zeros too; RFC 7748 section 6.1 leaves it to the implementation, so do not count on it.
    let isZero = secret.withBytes { constantTimeEquals($0, Self.zeros.span.bytes) }
    guard status == 1, count == Self.byteCount, !isZero else { throw failure(.invalidKey) }
    return secret
  }

  private static let zeros = [UInt8](repeating: 0, count: byteCount)
}

// The compiler cannot see that agreeing leaves the key as it is; libcrypto guards what it caches in one with locks.
extension X25519PrivateKey: @unchecked Sendable {}
