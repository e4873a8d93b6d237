import CBOR
import COSE
import Cryptography
import FormatFixtures
import TestSupport
import Testing

@Suite("Keys and thumbprints")
struct COSEKeyTests {
  // RFC 9679 section 6.
  private static let x = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
  private static let y = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"

  private static func example() throws -> PublicKey {
    let point = bytes(fromHex: x + y)
    return try PublicKey(algorithm: .es256, bytes: point.span.bytes)
  }

  private func signingKey(_ encoded: [UInt8]) throws -> PublicKey {
    var reader = CBORReader(encoded)
    let key = try COSEKey.readSigningKey(&reader)
    try reader.finish()
    return key
  }

  private func x25519Key(_ encoded: [UInt8]) throws -> [UInt8] {
    var reader = CBORReader(encoded)
    return try COSEKey.readX25519Key(&reader)
  }

  @Test("the example of RFC 9679 has its thumbprint")
  func thumbprint() throws {
    let key = try Self.example()
    let expected = "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec"
    #expect(hex(COSEKey.encode(key)) == "a401022001215820\(Self.x)225820\(Self.y)")
    #expect(hex(try COSEKey.thumbprint(key)) == expected)
    #expect(hex(try COSEKey.thumbprint(ofEncoded: COSEKey.encode(key))) == expected)
    recordVectorCount(set: "RFC 9679 thumbprint", ran: 1, of: 1)
  }

  @Test("a key of each kind is read as it was written")
  func roundTrip() throws {
    for key in [try Self.example(), TestKey("key").publicKey] {
      #expect(try signingKey(COSEKey.encode(key)) == key)
      #expect(throws: COSEError.invalidKey) { try x25519Key(COSEKey.encode(key)) }
    }
    let grantKey = TestGrantKey.device.publicKey
    let encoded = COSEKey.encode(x25519: grantKey)
    #expect(hex(encoded) == "a301012004215820" + hex(grantKey))
    #expect(try x25519Key(encoded) == grantKey)
    #expect(throws: COSEError.invalidKey) { try signingKey(encoded) }
  }

  @Test("the thumbprints of keys that differ in kind alone differ")
  func kinds() throws {
    let key = TestKey("key").publicKey
    #expect(try COSEKey.thumbprint(x25519: key.bytes) != COSEKey.thumbprint(key))
  }

  static let breakages = Breakage.all(required: [1, -1, -2])

  @Test("a key with anything else than its members is refused", arguments: breakages)
  func broken(_ breakage: Breakage) throws {
    let edDSA = breakage.edit(COSEKey.encode(TestKey("key").publicKey))
    #expect(throws: (any Error).self) { try signingKey(edDSA) }
    let es256 = breakage.edit(COSEKey.encode(try Self.example()))
    #expect(throws: (any Error).self) { try signingKey(es256) }
    let x25519 = breakage.edit(COSEKey.encode(x25519: TestGrantKey.device.publicKey))
    #expect(throws: (any Error).self) {
      var reader = CBORReader(x25519)
      _ = try COSEKey.readX25519Key(&reader)
      try reader.finish()
    }
  }

  @Test("members that don't go together are refused")
  func members() throws {
    func changed(_ label: Int64, _ value: [UInt8]?, in key: PublicKey) -> [UInt8] {
      var map = RawMap(COSEKey.encode(key))
      if let value { map.set(label, to: value) } else { map.remove(label) }
      return map.encoded()
    }
    let es256 = try Self.example()
    let edDSA = TestKey("key").publicKey
    let long = RawMap.item { $0.encode(bytes: [UInt8](repeating: 1, count: 33)) }
    let short = RawMap.item { $0.encode(bytes: [UInt8](repeating: 1, count: 31)) }
    let other = RawMap.item { $0.encode(bytes: [UInt8](repeating: 1, count: 32)) }
    #expect(throws: COSEError.invalidKey, "without y") { try signingKey(changed(-3, nil, in: es256)) }
    #expect(throws: COSEError.invalidKey, "not on the curve") { try signingKey(changed(-3, other, in: es256)) }
    #expect(throws: COSEError.invalidKey, "y on an OKP key") { try signingKey(changed(-3, other, in: edDSA)) }
    #expect(throws: COSEError.invalidKey, "EC2 on Ed25519") { try signingKey(changed(1, [2], in: edDSA)) }
    #expect(throws: COSEError.invalidKey, "OKP on P-256") { try signingKey(changed(1, [1], in: es256)) }
    #expect(throws: COSEError.invalidKey, "Ed448") { try signingKey(changed(-1, [7], in: edDSA)) }
    #expect(throws: COSEError.invalidKey, "P-384") { try signingKey(changed(-1, [2], in: es256)) }
    for wrong in [long, short] {
      #expect(throws: COSEError.self) { try signingKey(changed(-2, wrong, in: edDSA)) }
      #expect(throws: COSEError.self) { try signingKey(changed(-3, wrong, in: es256)) }
    }
    // RFC 9053 allows a sign bit instead of y; SPEC 2.1 doesn't.
    #expect(throws: COSEError.self, "compressed point") { try signingKey(changed(-3, [0xf5], in: es256)) }
  }
}
