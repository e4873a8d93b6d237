import Cryptography
import TestSupport
import Testing

@Suite(.enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct SignatureVectorTests {
  private struct Group: Decodable {
    let publicKey: Key
    let publicKeyPem: String
    let tests: [Vector]
  }

  private struct Key: Decodable {
    /// An Ed25519 key.
    let pk: HexBytes?
    /// A P-256 point, with its leading 04.
    let uncompressed: HexBytes?
  }

  private struct Vector: Decodable {
    let tcId: Int
    let msg: HexBytes
    let sig: HexBytes
    let result: WycheproofResult
  }

  @Test("Wycheproof: Ed25519")
  func ed25519() throws {
    try run(.edDSA, "ed25519") { try #require($0.publicKey.pk).bytes }
  }

  @Test("Wycheproof: ECDSA on P-256 with SHA-256, r ‖ s")
  func es256() throws {
    try run(.es256, "ecdsa_secp256r1_sha256_p1363") {
      [UInt8](try #require($0.publicKey.uncompressed).bytes.dropFirst())
    }
  }

  private func run(_ algorithm: SignatureAlgorithm, _ name: String, keyBytes: (Group) throws -> [UInt8]) throws {
    let file = try WycheproofFile<Group>.load(name)
    var ran = 0
    for group in file.testGroups {
      let key = try PublicKey(algorithm, keyBytes(group))
      #expect(try PublicKey(pem: [UInt8](group.publicKeyPem.utf8).span.bytes) == key)
      for vector in group.tests {
        ran += 1
        if vector.result == .valid {
          #expect(throws: Never.self, "test \(vector.tcId)") { try key.verify(vector.sig.bytes, vector.msg.bytes) }
        } else {
          #expect(throws: CryptographyError.invalidSignature, "test \(vector.tcId)") {
            try key.verify(vector.sig.bytes, vector.msg.bytes)
          }
        }
      }
    }
    recordVectorCount(set: "wycheproof/\(name)", ran: ran, of: file.numberOfTests)
    #expect(ran == file.numberOfTests)
  }
}
