import CLibCrypto
public import SecretBytes

/// A private key to sign with, in memory.
public struct SigningKey: ~Copyable, Signer {
  public let algorithm: SignatureAlgorithm

  let key: LibraryObject

  /// An `EVP_MD_CTX` to duplicate, ready to sign with the key: libcrypto's way there is long.
  private let template: LibraryObject

  /// Makes a new key.
  public static func generate(_ algorithm: SignatureAlgorithm) throws(CryptographyError) -> SigningKey {
    switch algorithm {
    case .edDSA: try SigningKey(algorithm, RawKeyGenerator("ED25519").generate())
    case .es256: try SigningKey(algorithm, P256.generate())
    }
  }

  /// The Ed25519 key that a seed of 32 bytes stands for (RFC 8032 section 5.1.5).
  public init(ed25519Seed seed: borrowing SecretBytes) throws(CryptographyError) {
    try self.init(.edDSA, makeRawPrivateKey("ED25519", seed))
  }

  init(_ algorithm: SignatureAlgorithm, _ key: consuming LibraryObject) throws(CryptographyError) {
    let template = try LibraryObject(EVP_MD_CTX_new(), freedBy: EVP_MD_CTX_free, .sign)
    let (context, pointer) = (template.pointer, key.pointer)
    try check(EVP_DigestSignInit_ex(context, nil, algorithm.digestName, nil, nil, pointer, nil), .sign)
    self.algorithm = algorithm
    self.key = key
    self.template = template
  }

  public borrowing func publicKey() throws(SignerError) -> PublicKey {
    do throws(CryptographyError) {
      let bytes =
        switch algorithm {
        case .edDSA: try rawPublicKey(of: key)
        case .es256: try P256.coordinates(of: key)
        }
      return try PublicKey(algorithm: algorithm, bytes: bytes.span.bytes)
    } catch {
      throw .cryptography(error)
    }
  }

  public borrowing func sign(_ message: RawSpan) throws(SignerError) -> [UInt8] {
    do throws(CryptographyError) {
      let signature = try makeLibrarySignature(message)
      switch algorithm {
      case .edDSA: return signature
      case .es256: return try ECDSASignature.raw(fromDER: signature)
      }
    } catch {
      throw .cryptography(error)
    }
  }

  private borrowing func makeLibrarySignature(_ message: RawSpan) throws(CryptographyError) -> [UInt8] {
    let context = try LibraryObject(EVP_MD_CTX_new(), freedBy: EVP_MD_CTX_free, .sign)
    let pointer = context.pointer
    try check(EVP_MD_CTX_copy_ex(pointer, template.pointer), .sign)
    var signature = [UInt8](repeating: 0, count: ECDSASignature.largestDER)
    var count = signature.count
    let status = message.withPointer { EVP_DigestSign(pointer, &signature, &count, $0, message.byteCount) }
    try check(status, .sign)
    signature.removeLast(signature.count - count)
    return signature
  }
}

// The compiler cannot see that signing leaves the key as it is; libcrypto guards what it caches in one with locks.
extension SigningKey: @unchecked Sendable {}
