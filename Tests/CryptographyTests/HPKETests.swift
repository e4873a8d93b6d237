import Cryptography
import SecretBytes
import Testing

@Suite struct HPKETests {
  private let info: [UInt8] = [1]
  private let aad: [UInt8] = [2, 3]
  private let message = [UInt8]("the content key".utf8)

  @Test("only the recipient opens a message, and only with the same info and additional data")
  func roundTrip() throws {
    let recipient = try X25519PrivateKey.generate()
    let sealed = try HPKE.seal(
      to: recipient.publicKey.span.bytes, info: info.span.bytes, aad: aad.span.bytes, plaintext: message.span.bytes)
    #expect(sealed.encapsulatedKey.count == HPKE.encapsulatedKeyByteCount)
    #expect(sealed.ciphertext.count == message.count + AEAD.tagByteCount)
    let (key, ciphertext) = sealed
    #expect(try open(key, recipient, info, aad, ciphertext) == message)
    #expect(throws: CryptographyError.authenticationFailed) { try open(key, recipient, [], aad, ciphertext) }
    #expect(throws: CryptographyError.authenticationFailed) { try open(key, recipient, info, [], ciphertext) }
    #expect(throws: CryptographyError.authenticationFailed) {
      try open(key.flipping(bit: 9), recipient, info, aad, ciphertext)
    }
    for bit in 0..<(ciphertext.count * 8) {
      #expect(throws: CryptographyError.authenticationFailed) {
        try open(key, recipient, info, aad, ciphertext.flipping(bit: bit))
      }
    }
    #expect(throws: CryptographyError.authenticationFailed) {
      try open(key, recipient, info, aad, [UInt8](ciphertext.prefix(15)))
    }
    #expect(throws: CryptographyError.authenticationFailed) {
      try open(key, X25519PrivateKey.generate(), info, aad, ciphertext)
    }
  }

  @Test("the same message seals differently each time")
  func isRandomized() throws {
    let recipient = try X25519PrivateKey.generate()
    let none = RawSpan()
    let first = try HPKE.seal(to: recipient.publicKey.span.bytes, info: none, aad: none, plaintext: none)
    let second = try HPKE.seal(to: recipient.publicKey.span.bytes, info: none, aad: none, plaintext: none)
    #expect(first.encapsulatedKey != second.encapsulatedKey)
    #expect(first.ciphertext != second.ciphertext)
    #expect(try open(first.encapsulatedKey, recipient, [], [], first.ciphertext) == [])
  }

  @Test("public and encapsulated keys of low order or the wrong size are refused")
  func refusesBadKeys() throws {
    let none = RawSpan()
    let zeros = [UInt8](repeating: 0, count: 32)
    #expect(throws: CryptographyError.invalidKey) {
      try HPKE.seal(to: zeros.span.bytes, info: none, aad: none, plaintext: none)
    }
    #expect(throws: CryptographyError.invalidLength) {
      try HPKE.seal(to: none, info: none, aad: none, plaintext: none)
    }
    let tag = [UInt8](repeating: 0, count: 16)
    #expect(throws: CryptographyError.invalidKey) { try open(zeros, X25519PrivateKey.generate(), [], [], tag) }
    #expect(throws: CryptographyError.invalidLength) { try open([], X25519PrivateKey.generate(), [], [], tag) }
  }

  private func open(
    _ encapsulatedKey: [UInt8], _ key: borrowing X25519PrivateKey, _ info: [UInt8], _ aad: [UInt8],
    _ ciphertext: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    reveal(
      try HPKE.open(
        encapsulatedKey: encapsulatedKey.span.bytes, privateKey: key, info: info.span.bytes, aad: aad.span.bytes,
        ciphertext: ciphertext.span.bytes))
  }
}
