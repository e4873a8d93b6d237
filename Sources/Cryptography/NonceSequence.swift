import SecretBytes

/// The nonces of a sequence of messages: a base nonce, exclusive-or the message's number as a 96-bit big-endian
/// integer (RFC 9180 section 5.2; C2SP chunked encryption).
struct NonceSequence: ~Copyable {
  private let base: SecretBytes

  init(base: consuming SecretBytes) throws(CryptographyError) {
    guard base.count == AEAD.nonceByteCount else { throw .invalidLength }
    self.base = base
  }

  func nonce(_ number: UInt64) -> [12 of UInt8] {
    var nonce = [12 of UInt8](repeating: 0)
    base.withBytes { base in
      for i in nonce.indices { nonce[i] = base[i] }
    }
    for i in 0..<8 {
      nonce[11 - i] ^= UInt8(truncatingIfNeeded: number >> (8 * UInt64(i)))
    }
    return nonce
  }
}
