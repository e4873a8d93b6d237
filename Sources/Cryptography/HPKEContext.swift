import SecretBytes

/// What both sides derive from a shared secret in base mode: a key and a base nonce (RFC 9180 section 5.1).
struct HPKEContext: ~Copyable {
  private var aead: AEADContext
  private let nonces: NonceSequence

  /// - Parameter kdf: of ``makeKDF(_:)`` for the same AEAD.
  init(
    _ aead: AEAD, _ direction: AEADContext.Direction, sharedSecret: borrowing SecretBytes, info: RawSpan,
    _ kdf: inout LabeledHKDF
  ) throws(CryptographyError) {
    let context = try Self.keyScheduleContext(&kdf, aead, info: info)
    let none = RawSpan()
    let secret = try sharedSecret.withBytes { (sharedSecret) throws(CryptographyError) in
      try kdf.extract(salt: sharedSecret, label: "secret", inputKeyMaterial: none)
    }
    let key = try kdf.expand(secret, label: "key", info: context, byteCount: UInt16(AEAD.keyByteCount))
    let baseNonce = try kdf.expand(
      secret, label: "base_nonce", info: context, byteCount: UInt16(AEAD.nonceByteCount))
    let cipher = try key.withBytes { (key) throws(CryptographyError) in
      try AEADContext(aead, key: key, direction: direction)
    }
    nonces = try NonceSequence(base: baseNonce)
    self.aead = cipher
  }

  /// Encrypts the message with this number; no two may have the same.
  mutating func seal(
    sequenceNumber: UInt64, aad: RawSpan, plaintext: RawSpan
  ) throws(CryptographyError) -> [UInt8] {
    let nonce = nonces.nonce(sequenceNumber)
    return try aead.seal(nonce: nonce.span.bytes, aad: aad, plaintext: plaintext)
  }

  /// Decrypts the message with this number.
  mutating func open(
    sequenceNumber: UInt64, aad: RawSpan, ciphertext: RawSpan
  ) throws(CryptographyError) -> SecretBytes {
    guard ciphertext.byteCount >= AEAD.tagByteCount else { throw .authenticationFailed }
    let nonce = nonces.nonce(sequenceNumber)
    var plaintext = try makeSecret(count: ciphertext.byteCount - AEAD.tagByteCount)
    _ = try plaintext.withMutableBytes { (output) throws(CryptographyError) in
      try aead.open(nonce: nonce.span.bytes, aad: aad, ciphertext: ciphertext, into: output)
    }
    return plaintext
  }
}

extension HPKEContext {
  /// The key derivation of HPKE with an AEAD: `suite_id` of RFC 9180 section 5.1.
  static func makeKDF(_ aead: AEAD) throws(CryptographyError) -> LabeledHKDF {
    try LabeledHKDF(
      suite: LabeledHKDF.bytes("HPKE") + LabeledHKDF.bigEndian(DHKEM.identifier)
        + LabeledHKDF.bigEndian(LabeledHKDF.identifier) + LabeledHKDF.bigEndian(aead.hpkeIdentifier))
  }

  /// `key_schedule_context` of base mode (RFC 9180 section 5.1): public, and the same for all messages of an info.
  private static func keyScheduleContext(
    _ kdf: inout LabeledHKDF, _ aead: AEAD, info: RawSpan
  ) throws(CryptographyError) -> [UInt8] {
    if info.isEmpty, aead == .chaCha20Poly1305, let context = contextWithoutInfo { return context }
    return try makeKeyScheduleContext(&kdf, info: info)
  }

  private static func makeKeyScheduleContext(
    _ kdf: inout LabeledHKDF, info: RawSpan
  ) throws(CryptographyError) -> [UInt8] {
    let baseMode: UInt8 = 0
    var context = [baseMode]
    let none = RawSpan()
    context += try kdf.extract(salt: none, label: "psk_id_hash", inputKeyMaterial: none).withBytes { $0.array }
    context += try kdf.extract(salt: none, label: "info_hash", inputKeyMaterial: info).withBytes { $0.array }
    return context
  }

  /// Of HPKE-4 with an empty info, which is all that Husk's formats use: worked out once.
  private static let contextWithoutInfo: [UInt8]? = {
    do throws(CryptographyError) {
      var kdf = try makeKDF(.chaCha20Poly1305)
      return try makeKeyScheduleContext(&kdf, info: RawSpan())
    } catch {
      return nil
    }
  }()
}

extension AEAD {
  /// RFC 9180 section 7.3.
  fileprivate var hpkeIdentifier: UInt16 {
    switch self {
    case .aes256GCM: 0x0002
    case .chaCha20Poly1305: 0x0003
    }
  }
}
