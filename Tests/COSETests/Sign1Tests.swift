import CBOR
import COSE
import Cryptography
import FormatFixtures
import Testing

@Suite("COSE_Sign1")
struct Sign1Tests {
  private static let type: StaticString = "application/test+cbor"
  private static let payload: [UInt8] = [0x83, 1, 2, 3]
  private static let keys = [TestKey("signer"), TestKey(.es256)]

  private func parse(_ encoded: [UInt8]) throws -> Sign1 {
    var reader = CBORReader(encoded)
    let object = try Sign1(&reader)
    try reader.finish()
    return object
  }

  /// Signs a protected header of one's own choice.
  private func object(
    _ protected: [UInt8], unprotected: [UInt8] = [0xa0], key: TestKey = keys[0]
  ) throws -> Sign1 {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(text: "Signature1")
    encoder.encode(bytes: protected)
    encoder.encode(bytes: [])
    encoder.encode(bytes: Self.payload)
    let signature = try key.sign(encoder.bytes)
    var object = CBOREncoder()
    object.tag(Sign1.tag)
    object.beginArray(4)
    object.encode(bytes: protected)
    object.encode(encoded: unprotected)
    object.encode(bytes: Self.payload)
    object.encode(bytes: signature)
    return try parse(object.bytes)
  }

  private func header(_ change: (inout RawMap) -> Void = { _ in }) -> [UInt8] {
    var map = RawMap(
      RawMap.item { item in
        item.encodeMap { map in
          map.set(1) { $0.encode(integer: -8) }
          map.set(16) { $0.encode(text: Self.type) }
        }
      })
    change(&map)
    return map.encoded()
  }

  @Test("what was signed verifies, with either algorithm, with and without a type")
  func roundTrip() throws {
    for key in Self.keys {
      for type in [Self.type, nil] {
        let object = try parse(key.sign(Self.payload, type: type))
        #expect(Array(object.payload) == Self.payload)
        #expect(object.signature.count == 64)
        #expect(throws: Never.self) { try object.verify(with: key.publicKey, type: type) }
      }
    }
    #expect(throws: Never.self, "the helper signs alike") {
      try object(header()).verify(with: Self.keys[0].publicKey, type: Self.type)
    }
  }

  @Test("another type, a missing one or one too many is refused")
  func typeConfusion() throws {
    for key in Self.keys {
      let object = try parse(key.sign(Self.payload, type: Self.type))
      for other: StaticString? in ["application/other+cbor", "application/test+cbo", "application/test+cborx", "", nil]
      {
        #expect(throws: COSEError.unexpectedType) { try object.verify(with: key.publicKey, type: other) }
      }
      let untyped = try parse(key.sign(Self.payload, type: nil))
      #expect(throws: COSEError.unexpectedType) { try untyped.verify(with: key.publicKey, type: Self.type) }
    }
    // As a byte string, as a content-format number.
    for value in [RawMap.item { $0.encode(bytes: Self.type.withUTF8Buffer { Array($0) }) }, [0x18, 0x3c]] {
      let object = try object(header { $0.set(16, to: value) })
      #expect(throws: COSEError.unexpectedType) { try object.verify(with: Self.keys[0].publicKey, type: Self.type) }
    }
  }

  @Test("another algorithm than the key's is refused, whoever signed")
  func algorithmConfusion() throws {
    let key = Self.keys[0]
    let others = [-7, -19, -9, -35, -999, 5, 0, 8] as [Int64]
    for other in others {
      let object = try object(header { $0.set(1, to: RawMap.item { $0.encode(integer: other) }) })
      #expect(throws: COSEError.algorithmMismatch) { try object.verify(with: key.publicKey, type: Self.type) }
      #expect(throws: Never.self) { try object.verifySignature(with: key.publicKey, externalAAD: []) }
    }
    let missing = try object(header { $0.remove(1) })
    #expect(throws: COSEError.algorithmMismatch) { try missing.verify(with: key.publicKey, type: Self.type) }
    let text = try object(header { $0.set(1, to: RawMap.item { $0.encode(text: "EdDSA") }) })
    #expect(throws: COSEError.self) { try text.verify(with: key.publicKey, type: Self.type) }

    let signed = try parse(key.sign(Self.payload, type: Self.type))
    #expect(throws: COSEError.algorithmMismatch) {
      try signed.verify(with: Self.keys[1].publicKey, type: Self.type)
    }
  }

  @Test("an extra protected label is refused, signed or not")
  func extraProtected() throws {
    for label in [2, 3, 4, 15, 258, -1, -70_000] as [Int64] {
      let object = try object(header { $0.set(label, to: [0x80]) })
      #expect(throws: COSEError.unexpectedHeader) {
        try object.verify(with: Self.keys[0].publicKey, type: Self.type)
      }
    }
    let many = try object(header { map in for label in 20..<60 { map.set(Int64(label), to: [0]) } })
    #expect(throws: COSEError.unexpectedHeader) { try many.verify(with: Self.keys[0].publicKey, type: Self.type) }
  }

  static let breakages = Breakage.all(required: [])

  @Test("a protected header that isn't the one encoding is refused", arguments: breakages)
  func brokenProtected(_ breakage: Breakage) throws {
    // A third label, so that there is something to bring out of order.
    let broken = breakage.edit(header { $0.set(3, to: [0]) })
    let object = try object(broken)
    #expect(throws: COSEError.self) { try object.verify(with: Self.keys[0].publicKey, type: Self.type) }
  }

  @Test("an unprotected header that isn't empty is refused")
  func unprotected() throws {
    for header: [UInt8] in [[0xa1, 4, 0x41, 0], [0xa1, 0x20, 0], [0xa1, 1, 0x27], [0xa1, 0x61, 0x61, 0]] {
      let object = try object(self.header(), unprotected: header)
      #expect(!object.hasEmptyUnprotectedHeader)
      #expect(throws: COSEError.unexpectedHeader) {
        try object.verify(with: Self.keys[0].publicKey, type: Self.type)
      }
    }
    for header: [UInt8] in [[0x80], [0x40], [0xf6], [0xa2, 2, 0, 1, 0], [0xbf, 0xff]] {
      #expect(throws: CBORError.self) { _ = try object(self.header(), unprotected: header) }
    }
  }

  @Test("a structure of another shape is refused")
  func shape() throws {
    let protected = RawMap.item { $0.encode(bytes: header()) }
    let payload = RawMap.item { $0.encode(bytes: Self.payload) }
    let signature = RawMap.item { $0.encode(bytes: [UInt8](repeating: 0, count: 64)) }
    let good = [protected, [0xa0], payload, signature]
    func encode(_ tag: UInt64?, _ items: [[UInt8]]) -> [UInt8] {
      RawMap.item { encoder in
        if let tag { encoder.tag(tag) }
        encoder.beginArray(items.count)
        for item in items { encoder.encode(encoded: item) }
      }
    }
    #expect(throws: Never.self) { try parse(encode(18, good)) }
    #expect(throws: CBORError.self, "untagged") { try parse(encode(nil, good)) }
    for tag in [16, 17, 19, 61, 98, 55799] as [UInt64] {
      #expect(throws: CBORError.self, "tag \(tag)") { try parse(encode(tag, good)) }
    }
    #expect(throws: CBORError.self, "three items") { try parse(encode(18, Array(good.prefix(3)))) }
    #expect(throws: CBORError.self, "five items") { try parse(encode(18, good + [[0]])) }
    #expect(throws: CBORError.self, "detached payload") {
      try parse(encode(18, [protected, [0xa0], [0xf6], signature]))
    }
    #expect(throws: CBORError.self, "protected as a map") {
      try parse(encode(18, [header(), [0xa0], payload, signature]))
    }
    #expect(throws: CBORError.self, "payload as text") {
      try parse(encode(18, [protected, [0xa0], [0x61, 0x61], signature]))
    }
    for count in [0, 63, 65, 96] {
      let signature = RawMap.item { $0.encode(bytes: [UInt8](repeating: 0, count: count)) }
      #expect(throws: CBORError.self, "signature of \(count) bytes") {
        try parse(encode(18, [protected, [0xa0], payload, signature]))
      }
    }
  }

  @Test("no bit of it can be changed, and nothing can be left out")
  func flips() throws {
    for key in Self.keys {
      let encoded = try key.sign(Self.payload, type: Self.type)
      for bit in 0..<encoded.count * 8 {
        var changed = encoded
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: (any Error).self, "bit \(bit)") {
          try parse(changed).verify(with: key.publicKey, type: Self.type)
        }
      }
      for length in encoded.indices {
        #expect(throws: CBORError.self) { try parse(Array(encoded[..<length])) }
      }
    }
  }

  @Test("another key's signature is refused")
  func otherKey() throws {
    let object = try parse(TestKey("signer").sign(Self.payload, type: Self.type))
    #expect(throws: COSEError.signatureInvalid) {
      try object.verify(with: TestKey.stranger.publicKey, type: Self.type)
    }
  }
}
