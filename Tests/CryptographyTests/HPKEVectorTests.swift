import SecretBytes
import TestSupport
import Testing

@testable import Cryptography

@Suite(.enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct HPKEVectorTests {
  private struct Vector: Decodable {
    let mode: Int
    let kem_id: Int
    let kdf_id: Int
    let aead_id: Int
    let info: HexBytes
    let skRm: HexBytes
    let skEm: HexBytes
    let pkRm: HexBytes
    let enc: HexBytes
    let shared_secret: HexBytes
    let encryptions: [Message]
  }

  private struct Message: Decodable {
    let aad: HexBytes
    let pt: HexBytes
    let ct: HexBytes
  }

  @Test("RFC 9180: base mode, DHKEM(X25519, HKDF-SHA256)")
  func base() throws {
    let all = try vectors("hpke/rfc9180.json", as: [Vector].self)
    var ran = 0
    for vector in all where vector.mode == 0 && vector.kem_id == 0x20 && vector.kdf_id == 1 {
      guard let aead = [2: AEAD.aes256GCM, 3: .chaCha20Poly1305][vector.aead_id] else { continue }
      ran += 1
      try check(vector, aead)
    }
    recordVectorCount(set: "hpke/rfc9180", ran: ran, of: all.count)
    #expect(ran == 2)
  }

  private func check(_ vector: Vector, _ aead: AEAD) throws {
    let ephemeralKey = try X25519PrivateKey(secret(vector.skEm.bytes))
    let recipientKey = try X25519PrivateKey(secret(vector.skRm.bytes))
    #expect(ephemeralKey.publicKey == vector.enc.bytes)
    #expect(recipientKey.publicKey == vector.pkRm.bytes)
    var kem = try DHKEM.makeKDF()
    let sent = try DHKEM.encapsulate(to: vector.pkRm.bytes.span.bytes, ephemeralKey: ephemeralKey, &kem)
    let received = try DHKEM.decapsulate(vector.enc.bytes.span.bytes, privateKey: recipientKey, &kem)
    #expect(reveal(sent) == vector.shared_secret.bytes)
    #expect(reveal(received) == vector.shared_secret.bytes)

    let info = vector.info.bytes
    var schedule = try HPKEContext.makeKDF(aead)
    var sealer = try HPKEContext(aead, .seal, sharedSecret: sent, info: info.span.bytes, &schedule)
    var opener = try HPKEContext(aead, .open, sharedSecret: received, info: info.span.bytes, &schedule)
    #expect(vector.encryptions.count == 5)
    for (number, message) in vector.encryptions.enumerated() {
      let ciphertext = try sealer.seal(
        sequenceNumber: UInt64(number), aad: message.aad.bytes.span.bytes, plaintext: message.pt.bytes.span.bytes)
      #expect(ciphertext == message.ct.bytes)
      let plaintext = try opener.open(
        sequenceNumber: UInt64(number), aad: message.aad.bytes.span.bytes, ciphertext: message.ct.bytes.span.bytes)
      #expect(reveal(plaintext) == message.pt.bytes)
    }

    // The public, single-shot entry opens the first message of its own suite.
    guard aead == .chaCha20Poly1305, let first = vector.encryptions.first else { return }
    let plaintext = try HPKE.open(
      encapsulatedKey: vector.enc.bytes.span.bytes, privateKey: recipientKey, info: info.span.bytes,
      aad: first.aad.bytes.span.bytes, ciphertext: first.ct.bytes.span.bytes)
    #expect(reveal(plaintext) == first.pt.bytes)
  }
}
