import Cryptography
import TestSupport
import Testing

@Suite("An Ed25519 key under which anybody can sign")
struct Ed25519EncodingTests {
  static let weakKeys = [
    // Small order: 0, 1, -1 and the two of order 8; the sign bit changes nothing.
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    // The same again as p and p + 1, and the largest number.
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  ]

  @Test("is refused", arguments: weakKeys)
  func weak(_ key: String) {
    let key = bytes(fromHex: key)
    #expect(throws: CryptographyError.invalidKey) { _ = try PublicKey(algorithm: .edDSA, bytes: key.span.bytes) }
  }

  @Test("isn't confused with its neighbours", arguments: ["02", "03"])
  func accepted(_ low: String) throws {
    let key = bytes(fromHex: low + String(repeating: "0", count: 62))
    #expect(try PublicKey(algorithm: .edDSA, bytes: key.span.bytes).bytes == key)
  }
}
