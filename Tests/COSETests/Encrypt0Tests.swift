import CBOR
import COSE
import Cryptography
import FormatFixtures
import SecretBytes
import Testing

@Suite("COSE_Encrypt0")
struct Encrypt0Tests {
  private static let aad: [UInt8] = [1, 2, 3]

  private func parse(_ encoded: [UInt8]) throws -> Encrypt0 {
    var reader = CBORReader(encoded)
    let object = try Encrypt0(&reader)
    try reader.finish()
    return object
  }

  private func seal() throws -> [UInt8] {
    try Encrypt0.seal(secret(named: "key"), to: TestGrantKey.device.publicKey, externalAAD: Self.aad)
  }

  private func open(_ encoded: [UInt8], _ key: TestGrantKey = .device, aad: [UInt8] = aad) throws -> [UInt8] {
    try parse(encoded).open(with: key.key, externalAAD: aad).withBytes { $0.withUnsafeBytes { Array($0) } }
  }

  @Test("what was sealed opens, with the right key and additional data only")
  func roundTrip() throws {
    let sealed = try seal()
    #expect(try open(sealed) == bytes(named: "key"))
    #expect(try parse(sealed).ciphertext.count == 32 + AEAD.tagByteCount)
    #expect(throws: COSEError.decryptionFailed) { try open(sealed, TestGrantKey("other")) }
    #expect(throws: COSEError.decryptionFailed) { try open(sealed, aad: [1, 2]) }
    #expect(throws: COSEError.decryptionFailed) { try open(sealed, aad: []) }
  }

  @Test("nothing is sealed alike twice")
  func fresh() throws {
    #expect(try seal() != seal())
  }

  @Test("no bit of it can be changed, and nothing can be left out")
  func flips() throws {
    let encoded = try seal()
    for bit in 0..<encoded.count * 8 {
      var changed = encoded
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      // X25519 ignores the highest bit of a public key, but the key derivation takes it in.
      #expect(throws: (any Error).self, "bit \(bit)") { try open(changed) }
    }
    for length in encoded.indices {
      #expect(throws: COSEError.self) { try parse(Array(encoded[..<length])) }
    }
  }

  @Test("an encapsulated key of low order doesn't decrypt", arguments: [0, 1] as [UInt8])
  func lowOrder(_ point: UInt8) throws {
    let encoded = try seal()
    let encapsulated = Array(try parse(encoded).encapsulatedKey)
    let start = try #require(encoded.indices.first { encoded[$0...].starts(with: encapsulated) })
    var changed = encoded
    changed.replaceSubrange(start..<start + 32, with: [point] + [UInt8](repeating: 0, count: 31))
    #expect(throws: COSEError.decryptionFailed) { try open(changed) }
  }

  @Test("a ciphertext without room for its tag doesn't decrypt")
  func short() throws {
    for count in [0, 1, 15] {
      let encoded = try message { $0[2] = RawMap.item { $0.encode(bytes: [UInt8](repeating: 0, count: count)) } }
      #expect(throws: COSEError.decryptionFailed) { try open(encoded) }
    }
  }

  @Test("other headers and shapes are refused")
  func shape() throws {
    #expect(try open(message { _ in }) == bytes(named: "key"))
    func header(_ hex: [UInt8]) -> [UInt8] { RawMap.item { $0.encode(bytes: hex) } }
    let ek = RawMap.item { $0.encode(bytes: [UInt8](repeating: 9, count: 32)) }
    let changes: [(inout [[UInt8]]) -> Void] = [
      { $0[0] = header([0xa1, 0x01, 0x18, 0x2b]) },  // HPKE-5
      { $0[0] = header([0xa1, 0x01, 0x01]) },
      { $0[0] = header([0xa2, 0x01, 0x18, 0x2a, 0x04, 0x40]) },
      { $0[0] = header([0xa0]) },
      { $0[0] = header([]) },
      { $0[1] = [0xa0] },
      { $0[1] = [0xa2, 0x04, 0x40, 0x23] + ek },
      { $0[1] = [0xa1, 0x22] + ek },
      { $0[1] = [0xa1, 0x23] + RawMap.item { $0.encode(bytes: [UInt8](repeating: 9, count: 31)) } },
      { $0[1] = [0xa1, 0x23] + RawMap.item { $0.encode(bytes: [UInt8](repeating: 9, count: 65)) } },
      { $0[2] = [0xf6] },  // detached
      { $0.removeLast() },
      { $0.append([0]) },
    ]
    for (index, change) in changes.enumerated() {
      let encoded = try message(change)
      #expect(throws: COSEError.self, "change \(index)") { try parse(encoded) }
    }
    let untagged = Array(try message { _ in }.dropFirst())
    #expect(throws: COSEError.self) { try parse(untagged) }
    #expect(throws: COSEError.self) { try parse([0xd2] + untagged) }
  }

  /// A sealed message with its three items changed.
  private func message(_ change: (inout [[UInt8]]) -> Void) throws -> [UInt8] {
    var reader = CBORReader(try seal())
    _ = try reader.readTag()
    var items: [[UInt8]] = []
    for _ in 0..<(try reader.readArrayHeader()) { items.append(Array(try reader.skipItem())) }
    change(&items)
    return RawMap.item { encoder in
      encoder.tag(Encrypt0.tag)
      encoder.beginArray(items.count)
      for item in items { encoder.encode(encoded: item) }
    }
  }
}
