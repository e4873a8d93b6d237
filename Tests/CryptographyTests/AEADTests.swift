import Cryptography
import SecretBytes
import Testing

@Suite struct AEADTests {
  private let key = [UInt8](0..<32)
  private let nonce = [UInt8](0..<12)
  private let aad: [UInt8] = [1, 2, 3]
  private let message = [UInt8]("attack at dawn".utf8)

  @Test(
    "any changed bit of ciphertext, nonce or additional data is noticed",
    arguments: [AEAD.aes256GCM, .chaCha20Poly1305])
  func noticesTampering(aead: AEAD) throws {
    let sealed = try aead.seal(key: secret(key), nonce: nonce, aad: aad, plaintext: message)
    #expect(try aead.open(key: secret(key), nonce: nonce, aad: aad, ciphertext: sealed) == message)
    for bit in 0..<(sealed.count * 8) {
      expectRefusal(aead, key, nonce, aad, sealed.flipping(bit: bit))
    }
    for bit in 0..<(nonce.count * 8) { expectRefusal(aead, key, nonce.flipping(bit: bit), aad, sealed) }
    for bit in 0..<(aad.count * 8) { expectRefusal(aead, key, nonce, aad.flipping(bit: bit), sealed) }
    expectRefusal(aead, key.flipping(bit: 0), nonce, aad, sealed)
    expectRefusal(aead, key, nonce, [], sealed)
    expectRefusal(aead, key, nonce, aad, [UInt8](sealed.dropLast()))
    expectRefusal(aead, key, nonce, aad, sealed + [0])
  }

  @Test("nothing of an inauthentic message stays in the output", arguments: [AEAD.aes256GCM, .chaCha20Poly1305])
  func wipesOutput(aead: AEAD) throws {
    let sealed = try aead.seal(key: secret(key), nonce: nonce, aad: [], plaintext: message).flipping(bit: 0)
    var output = [UInt8](repeating: 0xee, count: message.count + 3)
    #expect(throws: CryptographyError.authenticationFailed) {
      try output.withUnsafeMutableBytes {
        try aead.open(
          key: secret(key), nonce: nonce.span.bytes, aad: RawSpan(), ciphertext: sealed.span.bytes, into: $0)
      }
    }
    #expect(output == [UInt8](repeating: 0, count: message.count) + [0xee, 0xee, 0xee])
  }

  @Test("an empty message is a tag alone", arguments: [AEAD.aes256GCM, .chaCha20Poly1305])
  func emptyMessage(aead: AEAD) throws {
    let sealed = try aead.seal(key: secret(key), nonce: nonce, aad: aad, plaintext: [])
    #expect(sealed.count == AEAD.tagByteCount)
    let count = try aead.open(
      key: secret(key), nonce: nonce.span.bytes, aad: aad.span.bytes, ciphertext: sealed.span.bytes,
      into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
    #expect(count == 0)
    expectRefusal(aead, key, nonce, aad, sealed.flipping(bit: 5))
  }

  @Test(
    "keys, nonces, ciphertexts and buffers of the wrong size are refused",
    arguments: [AEAD.aes256GCM, .chaCha20Poly1305])
  func checksSizes(aead: AEAD) throws {
    let sealed = try aead.seal(key: secret(key), nonce: nonce, aad: aad, plaintext: message)
    for count in [0, 16, 31, 33] {
      let other = [UInt8](repeating: 1, count: count)
      #expect(throws: CryptographyError.invalidLength) {
        try aead.seal(key: secret(other), nonce: nonce, aad: aad, plaintext: message)
      }
      #expect(throws: CryptographyError.invalidLength) {
        try aead.open(key: secret(key), nonce: other, aad: aad, ciphertext: sealed)
      }
    }
    #expect(throws: CryptographyError.invalidLength) {
      try aead.open(key: secret(key), nonce: nonce, aad: aad, ciphertext: [UInt8](sealed.prefix(15)))
    }
    var small = [UInt8](repeating: 0, count: message.count - 1)
    #expect(throws: CryptographyError.invalidLength) {
      try small.withUnsafeMutableBytes {
        try aead.open(
          key: secret(key), nonce: nonce.span.bytes, aad: aad.span.bytes, ciphertext: sealed.span.bytes, into: $0)
      }
    }
  }

  private func expectRefusal(
    _ aead: AEAD, _ key: [UInt8], _ nonce: [UInt8], _ aad: [UInt8], _ ciphertext: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: CryptographyError.authenticationFailed, sourceLocation: sourceLocation) {
      try aead.open(key: secret(key), nonce: nonce, aad: aad, ciphertext: ciphertext)
    }
  }
}

extension [UInt8] {
  func flipping(bit: Int) -> [UInt8] {
    var bytes = self
    bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    return bytes
  }
}
