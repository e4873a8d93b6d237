import Cryptography
import SecretBytes
import Testing

@Suite struct RandomTests {
  @Test("random bytes come in the number asked for and do not repeat")
  func publicBytes() throws {
    #expect(try randomBytes(count: 0) == [])
    let first = try randomBytes(count: 32)
    #expect(first.count == 32)
    #expect(try randomBytes(count: 32) != first)
  }

  @Test("random secrets come in the number asked for and do not repeat")
  func secrets() throws {
    let first = try reveal(randomSecret(count: 32))
    #expect(first.count == 32)
    #expect(try reveal(randomSecret(count: 32)) != first)
    #expect(try reveal(randomSecret(count: 0)) == [])
  }

  @Test("an impossible number of bytes is refused", arguments: [-1, Int.min, Int(Int32.max) + 1])
  func refusesSizes(count: Int) {
    #expect(throws: CryptographyError.invalidLength) { try randomBytes(count: count) }
    #expect(throws: CryptographyError.invalidLength) { _ = try randomSecret(count: count) }
  }
}
