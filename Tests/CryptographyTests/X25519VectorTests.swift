import Cryptography
import TestSupport
import Testing

@Suite(.enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct X25519VectorTests {
  private struct Group: Decodable {
    let tests: [Vector]
  }

  private struct Vector: Decodable {
    let tcId: Int
    let `public`: HexBytes
    let `private`: HexBytes
    let shared: HexBytes
    let flags: [String]
  }

  @Test("Wycheproof: X25519; shared secrets that anybody knows are refused")
  func x25519() throws {
    let file = try WycheproofFile<Group>.load("x25519")
    var ran = 0
    for vector in file.testGroups.flatMap(\.tests) {
      ran += 1
      if vector.flags.contains("ZeroSharedSecret") {
        #expect(throws: CryptographyError.invalidKey, "test \(vector.tcId)") { try agree(vector) }
      } else {
        #expect(try agree(vector) == vector.shared.bytes, "test \(vector.tcId)")
      }
    }
    recordVectorCount(set: "wycheproof/x25519", ran: ran, of: file.numberOfTests)
    #expect(ran == file.numberOfTests)
  }

  private func agree(_ vector: Vector) throws -> [UInt8] {
    let key = try X25519PrivateKey(secret(vector.private.bytes))
    return reveal(try key.sharedSecret(with: vector.public.bytes.span.bytes))
  }
}
