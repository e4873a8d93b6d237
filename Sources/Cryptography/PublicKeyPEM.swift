import SecretBytes

// Public keys as `openssl pkey -pubout` writes them: SubjectPublicKeyInfo (RFC 5280), in PEM.

extension PublicKey {
  /// Reads an Ed25519 or P-256 key. Other kinds throw `.unsupportedKey`, and so does a compressed point.
  public init(pem: RawSpan) throws(CryptographyError) {
    let block = try PEMArmor.decode(pem, labels: [publicKeyLabel])
    self = try block.content.withBytes { (content) throws(CryptographyError) in
      if let offset = keyOffset(in: content, after: ed25519Prefix, byteCount: rawKeyByteCount) {
        return try PublicKey(algorithm: .edDSA, bytes: content.extracting(offset..<content.byteCount))
      }
      if let offset = keyOffset(in: content, after: p256Prefix, byteCount: P256.coordinatesByteCount) {
        return try PublicKey(algorithm: .es256, bytes: content.extracting(offset..<content.byteCount))
      }
      throw .unsupportedKey
    }
  }

  /// The key as a PEM file.
  public func pem() throws(CryptographyError) -> [UInt8] {
    let prefix =
      switch algorithm {
      case .edDSA: ed25519Prefix
      case .es256: p256Prefix
      }
    return try publicKeyPEM(prefix + bytes)
  }
}

extension X25519PrivateKey {
  /// Reads the public key of an X25519 key pair. Other kinds throw `.unsupportedKey`.
  public static func publicKey(pem: RawSpan) throws(CryptographyError) -> [UInt8] {
    let block = try PEMArmor.decode(pem, labels: [publicKeyLabel])
    return try block.content.withBytes { (content) throws(CryptographyError) in
      guard let offset = keyOffset(in: content, after: x25519Prefix, byteCount: byteCount) else {
        throw .unsupportedKey
      }
      return content.extracting(offset..<content.byteCount).array
    }
  }

  /// An X25519 public key as a PEM file.
  public static func pem(publicKey: RawSpan) throws(CryptographyError) -> [UInt8] {
    guard publicKey.byteCount == byteCount else { throw .invalidLength }
    return try publicKeyPEM(x25519Prefix + publicKey.array)
  }
}

private let publicKeyLabel: StaticString = "PUBLIC KEY"

// DER leaves no choice for a key of a given kind: all that comes before its bytes is always the same.

/// SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING (RFC 8410 section 4).
private let ed25519Prefix: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]

/// The same with OID 1.3.101.110.
private let x25519Prefix: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00]

/// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of an uncompressed point (RFC 5480 section 2).
private let p256Prefix: [UInt8] = [
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
  0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
]

/// Where the key begins, if the structure is this prefix and a key of this size.
private func keyOffset(in content: RawSpan, after prefix: [UInt8], byteCount: Int) -> Int? {
  guard content.byteCount == prefix.count + byteCount else { return nil }
  for offset in prefix.indices where content[offset] != prefix[offset] { return nil }
  return prefix.count
}

private func publicKeyPEM(_ content: [UInt8]) throws(CryptographyError) -> [UInt8] {
  try PEMArmor.encode(content.span.bytes, label: publicKeyLabel).withBytes { $0.array }
}
