import Cryptography
import SecretBytes
import Testing

/// The bytes of a secret, which is not one in a test.
func reveal(_ secret: borrowing SecretBytes) -> [UInt8] {
  secret.withBytes { bytes in bytes.withUnsafeBytes { [UInt8]($0) } }
}

func secret(_ bytes: [UInt8]) throws -> SecretBytes {
  try SecretBytes(copying: bytes.span.bytes)
}

func secret(_ text: String) throws -> SecretBytes {
  try secret([UInt8](text.utf8))
}

extension AEAD {
  /// Opens into an array.
  func open(
    key: borrowing SecretBytes, nonce: [UInt8], aad: [UInt8], ciphertext: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    var plaintext = [UInt8](repeating: 0xee, count: max(0, ciphertext.count - AEAD.tagByteCount))
    let count = try plaintext.withUnsafeMutableBufferPointer { (output) throws(CryptographyError) in
      try open(
        key: key, nonce: nonce.span.bytes, aad: aad.span.bytes, ciphertext: ciphertext.span.bytes,
        into: UnsafeMutableRawBufferPointer(output))
    }
    return [UInt8](plaintext.prefix(count))
  }

  func seal(
    key: borrowing SecretBytes, nonce: [UInt8], aad: [UInt8], plaintext: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    try seal(key: key, nonce: nonce.span.bytes, aad: aad.span.bytes, plaintext: plaintext.span.bytes)
  }
}

extension Signer where Self: ~Copyable {
  func signature(of message: [UInt8]) throws(SignerError) -> [UInt8] {
    try sign(message.span.bytes)
  }
}

extension PublicKey {
  init(_ algorithm: SignatureAlgorithm, _ bytes: [UInt8]) throws(CryptographyError) {
    try self.init(algorithm: algorithm, bytes: bytes.span.bytes)
  }

  func verify(_ signature: [UInt8], _ message: [UInt8]) throws(CryptographyError) {
    try verify(signature: signature.span.bytes, message: message.span.bytes)
  }
}
