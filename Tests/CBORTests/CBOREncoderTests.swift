import CBOR
import Testing

@Suite("Writing")
struct CBOREncoderTests {
  private func encoded(_ body: (inout CBOREncoder) throws -> Void) rethrows -> String {
    var encoder = CBOREncoder()
    try body(&encoder)
    return encoder.bytes.hex
  }

  @Test("writes integers in their shortest form")
  func integers() {
    for (value, hex) in [
      (0, "00"), (23, "17"), (24, "1818"), (255, "18ff"), (256, "190100"), (65535, "19ffff"), (65536, "1a00010000"),
      (1 << 32 - 1, "1affffffff"), (1 << 32, "1b0000000100000000"), (Int64.max, "1b7fffffffffffffff"), (-1, "20"),
      (-24, "37"), (-25, "3818"), (-256, "38ff"), (-257, "390100"), (Int64.min, "3b7fffffffffffffff"),
    ] as [(Int64, String)] {
      #expect(encoded { $0.encode(integer: value) } == hex)
    }
    #expect(encoded { $0.encode(unsigned: .max) } == "1bffffffffffffffff")
  }

  @Test("writes strings, tags, arrays and simple values")
  func otherItems() throws {
    let text = try encoded {
      $0.beginArray(8)
      $0.encode(bytes: [1, 2, 3] as [UInt8])
      $0.encode(bytes: ([0, 1, 2] as [UInt8])[1...])
      $0.encode(bytes: ([7] as [UInt8]).span.bytes)
      $0.encode(text: "é")
      try $0.encode(textUTF8: Array("水".utf8))
      $0.tag(18)
      $0.encode(bool: true)
      $0.encode(bool: false)
      $0.encodeNull()
    }
    #expect(text == "88" + "43010203" + "420102" + "4107" + "62c3a9" + "63e6b0b4" + "d2f5" + "f4" + "f6")
    let long = encoded { $0.encode(bytes: [UInt8](repeating: 0, count: 300)) }
    #expect(long.hasPrefix("59012c0000") && long.count == 606)
  }

  @Test("refuses text that is not UTF-8 and then writes nothing")
  func invalidText() {
    var encoder = CBOREncoder()
    encoder.encodeNull()
    #expect(throws: CBORError(.invalidUTF8, at: 1)) { try encoder.encode(textUTF8: [0x61, 0xff]) }
    let bytes: [UInt8] = [0, 0x61, 0xff]
    #expect(throws: CBORError(.invalidUTF8, at: 1)) { try encoder.encode(textUTF8: bytes[1...]) }
    #expect(encoder.bytes == [0xf6])
  }

  @Test("writes an encoded item as it is")
  func encodedItem() throws {
    let item = try Sample.encoded()
    #expect(encoded { $0.encode(encoded: item) } == item.hex)
    #expect(encoded { $0.encode(encoded: item[...]) } == item.hex)
    #expect(encoded { $0.encode(encoded: item.span.bytes) } == item.hex)
  }

  @Test("sorts map entries by their encoded keys, whatever order they are set in")
  func sortsKeys() throws {
    let keys: [Int64] = [0, 10, 23, 24, 100, 255, 256, .max, -1, -24, -25, -1000, .min]
    func value(_ key: Int64) -> UInt64 { UInt64(bitPattern: key &* 7919) }
    var sorted = CBOREncoder()
    sorted.encodeMap { map in
      for key in keys { map.set(key) { $0.encode(unsigned: value(key)) } }
    }
    var random = SplitMix(seed: 1)
    for _ in 0..<100 {
      var encoder = CBOREncoder()
      encoder.encodeMap { map in
        for key in keys.shuffled(using: &random) { map.set(key) { $0.encode(unsigned: value(key)) } }
      }
      #expect(encoder.bytes == sorted.bytes)
    }
    var reader = CBORReader(sorted.bytes)
    var map = try reader.readMap()
    var read: [Int64] = []
    while let key = try reader.nextIntegerKey(&map) {
      read.append(key)
      #expect(try reader.readUnsigned() == value(key))
    }
    #expect(read == keys)
  }

  @Test("mixes integer and text keys in one map")
  func mixedKeys() throws {
    let hex = try encoded {
      try $0.encodeMap { map throws(CBORError) in
        try map.set(textUTF8: Array("aa".utf8)) { value throws(CBORError) in value.encodeNull() }
        map.set(-1) { $0.encodeNull() }
        map.set(text: "b") { $0.encodeNull() }
        map.set(1) { $0.encodeNull() }
      }
    }
    #expect(hex == "a4" + "01f6" + "20f6" + "6162f6" + "626161f6")
  }

  @Test("counts the entries of a map itself", arguments: [0, 1, 23, 24, 255, 256, 70_000])
  func counts(_ count: Int) throws {
    var encoder = CBOREncoder()
    encoder.encodeNull()
    encoder.encodeMap { map in
      for key in 0..<Int64(count) { map.set(key) { $0.encode(bool: true) } }
    }
    encoder.encodeNull()
    var reader = CBORReader(encoder.bytes)
    try reader.readNull()
    var ahead = reader
    #expect(try ahead.readMap().remaining == count)
    try reader.skipItem()
    try reader.readNull()
    try reader.finish()
  }

  @Test("nests maps within maps and arrays")
  func nested() throws {
    let hex = encoded {
      $0.beginArray(2)
      $0.encodeMap { map in
        map.set(2) { $0.encodeMap { _ in } }
        map.set(1) { inner in
          inner.encodeMap { map in
            map.set(5) { $0.encode(integer: -1) }
            map.set(4) { $0.encode(text: "x") }
          }
        }
      }
      $0.encodeNull()
    }
    #expect(hex == "82" + "a2" + "01a2" + "046178" + "0520" + "02a0" + "f6")
  }

  @Test("a map whose entries can't be encoded leaves nothing behind")
  func throwingMap() {
    struct Refusal: Error, Equatable {}
    var encoder = CBOREncoder()
    encoder.encodeNull()
    #expect(throws: Refusal()) {
      try encoder.encodeMap { map throws(Refusal) in
        map.set(1) { $0.encodeNull() }
        try map.set(2) { value throws(Refusal) in
          value.encode(text: "half")
          throw Refusal()
        }
      }
    }
    #expect(encoder.bytes == [0xf6])
    // An entry that fails may be left out.
    encoder.encodeMap { map in
      map.set(1) { $0.encodeNull() }
      try? map.set(2) { value throws(Refusal) in
        value.encode(text: "half")
        throw Refusal()
      }
      _ = try? map.set(textUTF8: [0xff]) { value throws(CBORError) in value.encodeNull() }
    }
    #expect(encoder.bytes.hex == "f6" + "a101f6")
  }

  @Test("setting a key twice traps")
  func duplicateKey() async {
    await #expect(processExitsWith: .failure) {
      var encoder = CBOREncoder()
      encoder.encodeMap { map in
        map.set(1) { $0.encodeNull() }
        map.set(0) { $0.encodeNull() }
        map.set(1) { $0.encodeNull() }
      }
    }
  }
}
