import Cryptography
import SecretBytes
import TestSupport
import Testing

@Suite(.enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct AEADVectorTests {
  private struct Group: Decodable {
    let ivSize: Int
    let keySize: Int
    let tagSize: Int
    let tests: [Vector]
  }

  private struct Vector: Decodable {
    let tcId: Int
    let key: HexBytes
    let iv: HexBytes
    let aad: HexBytes
    let msg: HexBytes
    let ct: HexBytes
    let tag: HexBytes
    let result: WycheproofResult
  }

  @Test("Wycheproof: AES-256-GCM")
  func aesGCM() throws {
    try run(.aes256GCM, "aes_gcm")
  }

  @Test("Wycheproof: ChaCha20-Poly1305")
  func chaCha20Poly1305() throws {
    try run(.chaCha20Poly1305, "chacha20_poly1305")
  }

  private func run(_ aead: AEAD, _ name: String) throws {
    let file = try WycheproofFile<Group>.load(name)
    var ran = 0
    for group in file.testGroups where group.keySize == 256 && group.tagSize == 128 {
      for vector in group.tests {
        // Other nonce sizes than 96 bits are not supported: they must be refused, whatever the vector expects.
        if group.ivSize == 96 { try check(aead, vector) } else { try checkRefusal(aead, vector) }
        ran += group.ivSize == 96 ? 1 : 0
      }
    }
    recordVectorCount(set: "wycheproof/\(name)", ran: ran, of: file.numberOfTests)
    #expect(ran > 0)
  }

  private func check(_ aead: AEAD, _ vector: Vector) throws {
    let key = try secret(vector.key.bytes)
    let sealed = vector.ct.bytes + vector.tag.bytes
    if vector.result == .valid {
      let ciphertext = try aead.seal(
        key: key, nonce: vector.iv.bytes, aad: vector.aad.bytes, plaintext: vector.msg.bytes)
      #expect(ciphertext == sealed, "sealing, test \(vector.tcId)")
      let plaintext = try aead.open(key: key, nonce: vector.iv.bytes, aad: vector.aad.bytes, ciphertext: sealed)
      #expect(plaintext == vector.msg.bytes, "opening, test \(vector.tcId)")
    } else {
      #expect(throws: CryptographyError.authenticationFailed, "test \(vector.tcId)") {
        try aead.open(
          key: secret(vector.key.bytes), nonce: vector.iv.bytes, aad: vector.aad.bytes, ciphertext: sealed)
      }
    }
  }

  private func checkRefusal(_ aead: AEAD, _ vector: Vector) throws {
    #expect(throws: CryptographyError.invalidLength, "test \(vector.tcId)") {
      try aead.seal(
        key: secret(vector.key.bytes), nonce: vector.iv.bytes, aad: vector.aad.bytes, plaintext: vector.msg.bytes)
    }
    #expect(throws: CryptographyError.invalidLength, "test \(vector.tcId)") {
      try aead.open(
        key: secret(vector.key.bytes), nonce: vector.iv.bytes, aad: vector.aad.bytes,
        ciphertext: vector.ct.bytes + vector.tag.bytes)
    }
  }
}
