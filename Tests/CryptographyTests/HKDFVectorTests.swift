import Cryptography
import SecretBytes
import TestSupport
import Testing

@Suite(.enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct HKDFVectorTests {
  private struct Group: Decodable {
    let tests: [Vector]
  }

  private struct Vector: Decodable {
    let tcId: Int
    let ikm: HexBytes
    let salt: HexBytes
    let info: HexBytes
    let size: Int
    let okm: HexBytes
    let result: WycheproofResult
  }

  @Test("Wycheproof: HKDF", arguments: [(HKDF.sha256, "hkdf_sha256"), (.sha512, "hkdf_sha512")])
  func hkdf(hkdf: HKDF, name: String) throws {
    let file = try WycheproofFile<Group>.load(name)
    var ran = 0
    for vector in file.testGroups.flatMap(\.tests) {
      ran += 1
      if vector.result == .valid {
        #expect(try derive(hkdf, vector) == vector.okm.bytes, "test \(vector.tcId)")
        #expect(try deriveFromSecret(hkdf, vector) == vector.okm.bytes, "test \(vector.tcId)")
      } else {
        #expect(throws: CryptographyError.invalidLength, "test \(vector.tcId)") { try derive(hkdf, vector) }
      }
    }
    recordVectorCount(set: "wycheproof/\(name)", ran: ran, of: file.numberOfTests)
    #expect(ran == file.numberOfTests)
  }

  private func derive(_ hkdf: HKDF, _ vector: Vector) throws -> [UInt8] {
    reveal(
      try hkdf.derive(
        salt: vector.salt.bytes.span.bytes, inputKeyMaterial: vector.ikm.bytes.span.bytes,
        info: vector.info.bytes.span.bytes, byteCount: vector.size))
  }

  private func deriveFromSecret(_ hkdf: HKDF, _ vector: Vector) throws -> [UInt8] {
    let material = try secret(vector.ikm.bytes)
    return reveal(
      try hkdf.derive(
        salt: vector.salt.bytes.span.bytes, inputKeyMaterial: material, info: vector.info.bytes.span.bytes,
        byteCount: vector.size))
  }
}
