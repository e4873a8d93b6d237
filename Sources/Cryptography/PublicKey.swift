import CLibCrypto

/// A key to verify signatures with.
public struct PublicKey: Equatable, Sendable {
  public let algorithm: SignatureAlgorithm

  /// An Ed25519 key as RFC 8032 encodes it (32 bytes), or the coordinates x ‖ y of a P-256 point (64 bytes).
  public let bytes: [UInt8]

  /// Takes a key in the form of `bytes`. A P-256 point must be on the curve; an Ed25519 key must be encoded canonically
  /// and not be of small order: signatures under such a key can be made by anybody.
  public init(algorithm: SignatureAlgorithm, bytes: RawSpan) throws(CryptographyError) {
    guard bytes.byteCount == algorithm.publicKeyByteCount else { throw .invalidLength }
    self.algorithm = algorithm
    self.bytes = bytes.array
    switch algorithm {
    case .edDSA: guard Ed25519Encoding.isAcceptable(self.bytes) else { throw .invalidKey }
    case .es256: _ = try makeLibraryKey()
    }
  }

  /// Verifies a signature; anything but a valid one throws `.invalidSignature`.
  ///
  /// - Parameter signature: 64 bytes. For ES256, r ‖ s (RFC 9053 section 2.1).
  public func verify(signature: RawSpan, message: RawSpan) throws(CryptographyError) {
    guard signature.byteCount == SignatureAlgorithm.signatureByteCount else { throw .invalidSignature }
    let key = try makeLibraryKey()
    let context = try LibraryObject(EVP_MD_CTX_new(), freedBy: EVP_MD_CTX_free, .sign)
    try check(
      EVP_DigestVerifyInit_ex(context.pointer, nil, algorithm.digestName, nil, nil, key.pointer, nil), .sign)
    let pointer = context.pointer
    let encoded =
      switch algorithm {
      case .edDSA: signature.array
      case .es256: try ECDSASignature.der(fromRaw: signature)
      }
    let status = message.withPointer { message_ in
      EVP_DigestVerify(pointer, encoded, encoded.count, message_, message.byteCount)
    }
    guard status == 1 else { throw failure(.invalidSignature) }
  }

  private func makeLibraryKey() throws(CryptographyError) -> LibraryObject {
    _ = try Library.shared()
    switch algorithm {
    case .edDSA: return try makeRawPublicKey("ED25519", bytes.span.bytes)
    case .es256: return try P256.makePublicKey(coordinates: bytes)
    }
  }
}

extension SignatureAlgorithm {
  /// The digest that libcrypto is to hash with first; Ed25519 hashes by itself.
  var digestName: UnsafePointer<CChar>? {
    switch self {
    case .edDSA: nil
    case .es256: cString("SHA256")
    }
  }
}
