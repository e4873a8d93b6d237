public import SecretBytes

// Private keys as `openssl genpkey` writes them: PKCS#8 (RFC 5958), in PEM, encrypted or not.

extension SigningKey {
  /// Reads an Ed25519 or P-256 key; other kinds throw `.unsupportedKey`.
  ///
  /// - Parameters:
  ///   - pem: the whole file.
  ///   - passphrase: asked only if the key is encrypted; nil if there is none (`.passphraseRequired`).
  public init(pem: borrowing SecretBytes, passphrase: () -> SecretBytes?) throws(CryptographyError) {
    let material = try readPrivateKey(pem, passphrase)
    switch material.type {
    case .ed25519: try self.init(ed25519Seed: material.secret)
    case .p256: try self.init(.es256, P256.makePrivateKey(scalar: material.secret))
    case .x25519: throw .unsupportedKey
    }
  }

  /// The key as a PEM file, not encrypted.
  public borrowing func pem() throws(CryptographyError) -> SecretBytes {
    try writePrivateKey(material())
  }

  /// The key as a PEM file, encrypted under a passphrase.
  public borrowing func pem(encryptedWith passphrase: borrowing SecretBytes) throws(CryptographyError) -> SecretBytes {
    try writePrivateKey(material(), encryptedWith: passphrase)
  }

  private borrowing func material() throws(CryptographyError) -> SecretBytes {
    switch algorithm {
    case .edDSA: try PKCS8.encode(.ed25519, rawPrivateKey(of: key))
    case .es256: try PKCS8.encode(p256: P256.scalar(of: key), publicCoordinates: P256.coordinates(of: key))
    }
  }
}

extension X25519PrivateKey {
  /// Reads an X25519 key; other kinds throw `.unsupportedKey`.
  ///
  /// - Parameters:
  ///   - pem: the whole file.
  ///   - passphrase: asked only if the key is encrypted; nil if there is none (`.passphraseRequired`).
  public init(pem: borrowing SecretBytes, passphrase: () -> SecretBytes?) throws(CryptographyError) {
    let material = try readPrivateKey(pem, passphrase)
    guard material.type == .x25519 else { throw .unsupportedKey }
    try self.init(material.secret)
  }

  /// The key as a PEM file, not encrypted.
  public borrowing func pem() throws(CryptographyError) -> SecretBytes {
    try writePrivateKey(PKCS8.encode(.x25519, rawPrivateKey(of: key)))
  }

  /// The key as a PEM file, encrypted under a passphrase.
  public borrowing func pem(encryptedWith passphrase: borrowing SecretBytes) throws(CryptographyError) -> SecretBytes {
    try writePrivateKey(PKCS8.encode(.x25519, rawPrivateKey(of: key)), encryptedWith: passphrase)
  }
}

private let privateKeyLabel: StaticString = "PRIVATE KEY"
private let encryptedPrivateKeyLabel: StaticString = "ENCRYPTED PRIVATE KEY"

private func readPrivateKey(
  _ pem: borrowing SecretBytes, _ passphrase: () -> SecretBytes?
) throws(CryptographyError) -> PKCS8.PrivateKey {
  let block = try pem.withBytes { (pem) throws(CryptographyError) in
    try PEMArmor.decode(pem, labels: [privateKeyLabel, encryptedPrivateKeyLabel])
  }
  if block.label == 0 { return try PKCS8.decode(block.content) }
  guard let passphrase = passphrase() else { throw .passphraseRequired }
  return try PKCS8.decode(encrypted: block.content, passphrase: passphrase)
}

private func writePrivateKey(_ content: borrowing SecretBytes) throws(CryptographyError) -> SecretBytes {
  try content.withBytes { (content) throws(CryptographyError) in
    try PEMArmor.encode(content, label: privateKeyLabel)
  }
}

private func writePrivateKey(
  _ content: borrowing SecretBytes, encryptedWith passphrase: borrowing SecretBytes
) throws(CryptographyError) -> SecretBytes {
  let encrypted = try PKCS8.encrypt(content, passphrase: passphrase)
  return try PEMArmor.encode(encrypted.span.bytes, label: encryptedPrivateKeyLabel)
}
