import SecretBytes

/// DHKEM(X25519, HKDF-SHA256), RFC 9180 section 4.1.
enum DHKEM {
  static let identifier: UInt16 = 0x0020

  /// The sender's shared secret. The encapsulated key is the ephemeral key's public key.
  static func encapsulate(
    to publicKey: RawSpan, ephemeralKey: borrowing X25519PrivateKey, _ kdf: inout LabeledHKDF
  ) throws(CryptographyError) -> SecretBytes {
    let agreed = try ephemeralKey.sharedSecret(with: publicKey)
    return try extractAndExpand(agreed, context: ephemeralKey.publicKey + publicKey.array, &kdf)
  }

  /// The recipient's shared secret.
  static func decapsulate(
    _ encapsulatedKey: RawSpan, privateKey: borrowing X25519PrivateKey, _ kdf: inout LabeledHKDF
  ) throws(CryptographyError) -> SecretBytes {
    let agreed = try privateKey.sharedSecret(with: encapsulatedKey)
    return try extractAndExpand(agreed, context: encapsulatedKey.array + privateKey.publicKey, &kdf)
  }

  /// Its key derivation.
  static func makeKDF() throws(CryptographyError) -> LabeledHKDF {
    try LabeledHKDF(suite: LabeledHKDF.bytes("KEM") + LabeledHKDF.bigEndian(identifier))
  }

  private static func extractAndExpand(
    _ agreed: borrowing SecretBytes, context: [UInt8], _ kdf: inout LabeledHKDF
  ) throws(CryptographyError) -> SecretBytes {
    let key = try agreed.withBytes { (agreed) throws(CryptographyError) in
      try kdf.extract(salt: RawSpan(), label: "eae_prk", inputKeyMaterial: agreed)
    }
    return try kdf.expand(key, label: "shared_secret", info: context, byteCount: UInt16(SHA256.byteCount))
  }
}
