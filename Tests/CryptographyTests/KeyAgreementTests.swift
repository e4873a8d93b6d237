import Cryptography
import SecretBytes
import Testing

@Suite struct KeyAgreementTests {
  @Test("both sides agree on the same secret")
  func agrees() throws {
    let alice = try X25519PrivateKey.generate()
    let bob = try X25519PrivateKey.generate()
    let first = try reveal(alice.sharedSecret(with: bob.publicKey.span.bytes))
    let second = try reveal(bob.sharedSecret(with: alice.publicKey.span.bytes))
    #expect(first == second)
    #expect(first != [UInt8](repeating: 0, count: 32))
  }

  @Test("a public key of low order is refused")
  func refusesLowOrder() throws {
    let key = try X25519PrivateKey.generate()
    for first in [UInt8(0), 1] {
      let point = [first] + [UInt8](repeating: 0, count: 31)
      #expect(throws: CryptographyError.invalidKey) { _ = try key.sharedSecret(with: point.span.bytes) }
    }
  }

  @Test("keys of the wrong size are refused", arguments: [0, 31, 33])
  func checksSizes(count: Int) throws {
    let bytes = [UInt8](repeating: 9, count: count)
    #expect(throws: CryptographyError.invalidLength) { _ = try X25519PrivateKey(secret(bytes)) }
    let key = try X25519PrivateKey.generate()
    #expect(throws: CryptographyError.invalidLength) { _ = try key.sharedSecret(with: bytes.span.bytes) }
  }
}
