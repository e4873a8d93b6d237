public import SecretBytes

/// A key of 32 bytes in a file of its own, in PEM form (RFC 7468): what unlocks a vault (SPEC 14.2).
public enum VaultKeyPEM {
  private static let label: StaticString = "HUSK VAULT KEY"

  /// The key as a PEM file.
  public static func encode(_ key: borrowing SecretBytes) throws(CryptographyError) -> SecretBytes {
    try key.withBytes { (key) throws(CryptographyError) in try PEMArmor.encode(key, label: label) }
  }

  /// The key in a PEM file. Throws `malformedPEM`, or `unsupportedKey` where the file holds something else.
  public static func decode(_ pem: borrowing SecretBytes) throws(CryptographyError) -> SecretBytes {
    let block = try pem.withBytes { (pem) throws(CryptographyError) in try PEMArmor.decode(pem, labels: [label]) }
    guard block.content.count == AEAD.keyByteCount else { throw .malformedPEM }
    return block.content
  }
}
