import CBOR
import TestSupport
import Testing

@Suite("Reading")
struct CBORReaderTests {
  /// What `skipItem` and then `finish` throw for an input, which the diagnostic printer must agree on.
  private func refusal(_ hex: String, maximumDepth: Int = 16, sourceLocation: SourceLocation = #_sourceLocation)
    -> CBORError?
  {
    let input = bytes(fromHex: hex)
    var reader = CBORReader(input, maximumDepth: maximumDepth)
    var refusal: CBORError?
    do throws(CBORError) {
      try reader.skipItem()
      try reader.finish()
    } catch {
      refusal = error
    }
    let printed = CBORDiagnostic(input, maximumDepth: maximumDepth).error
    #expect(printed == refusal, sourceLocation: sourceLocation)
    return refusal
  }

  @Test(
    "rejects an integer or length that is not in its shortest form",
    arguments: [
      "1800", "1817", "190000", "1900ff", "1a00000000", "1a0000ffff", "1b0000000000000000", "1b00000000ffffffff",
      "3817", "5800", "780161", "9800", "b800", "d817f6", "d900fff6",
    ])
  func shortestForm(_ hex: String) {
    #expect(refusal(hex) == CBORError(.nonCanonical, at: 0))
  }

  @Test(
    "accepts each width's least and greatest argument",
    arguments: [
      "00", "17", "1818", "18ff", "190100", "19ffff", "1a00010000", "1affffffff", "1b0000000100000000",
      "1bffffffffffffffff", "3bffffffffffffffff",
    ])
  func widths(_ hex: String) {
    #expect(refusal(hex) == nil)
  }

  @Test("rejects indefinite lengths", arguments: ["5f4100ff", "7f6161ff", "9fff", "bfff"])
  func indefinite(_ hex: String) {
    #expect(refusal(hex) == CBORError(.nonCanonical, at: 0))
    #expect(refusal("82f6" + hex) == CBORError(.nonCanonical, at: 2))
  }

  @Test(
    "rejects what is not CBOR: reserved encodings and a break outside an indefinite-length item",
    arguments: ["1c", "1d", "1e", "1f", "3c", "3f", "5c", "7d", "9e", "bc", "dc", "df", "fc", "fd", "fe", "ff"])
  func malformed(_ hex: String) {
    #expect(refusal(hex) == CBORError(.malformed, at: 0))
    #expect(refusal("81" + hex) == CBORError(.malformed, at: 1))
  }

  @Test(
    "rejects floats, undefined and other simple values",
    arguments: ["f90000", "fa47c35000", "fb3ff199999999999a", "f7", "e0", "f0", "f3", "f800", "f818", "f8ff", "f9"])
  func unsupported(_ hex: String) {
    #expect(refusal(hex) == CBORError(.unsupportedType, at: 0))
    #expect(refusal("a100" + hex) == CBORError(.unsupportedType, at: 2))
  }

  @Test("rejects map keys that don't sort after their predecessor, at any depth")
  func keyOrder() {
    #expect(refusal("a201f600f6") == CBORError(.nonCanonical, at: 3))
    #expect(refusal("a22000" + "0100") == CBORError(.nonCanonical, at: 3))
    #expect(refusal("a2626161006162" + "00") == CBORError(.nonCanonical, at: 5))
    #expect(refusal("8100") == nil)
    #expect(refusal("81a1f6a201f600f6") == CBORError(.nonCanonical, at: 6))
    // Bytewise, not length first: 24 (1818) sorts before -1 (20).
    #expect(refusal("a218180020" + "00") == nil)
    #expect(refusal("a220001818" + "00") == CBORError(.nonCanonical, at: 3))
  }

  @Test("rejects a map that holds a key twice")
  func duplicateKey() {
    #expect(refusal("a201f601f6") == CBORError(.duplicateKey, at: 3))
    #expect(refusal("a3004101616100616100") == CBORError(.duplicateKey, at: 7))
    #expect(refusal("a2a001a002") == CBORError(.duplicateKey, at: 3))
  }

  @Test("rejects ill-formed UTF-8 at the first byte of the sequence")
  func utf8() {
    for (hex, offset) in [
      ("6180", 1), ("61c2", 1), ("62c020", 1), ("62c1bf", 1), ("63e08080", 1), ("63eda080", 1), ("63edbfbf", 1),
      ("64f0808080", 1), ("64f4908080", 1), ("61ff", 1), ("64f8888080", 1), ("6361c328", 2), ("6461e282" + "61", 2),
      ("62" + "61c3", 2), ("64f09f9861", 1),
    ] {
      #expect(refusal(hex) == CBORError(.invalidUTF8, at: offset), "\(hex)")
    }
    // A sequence that continues behind the string's end doesn't count.
    #expect(refusal("8261c3" + "61bc") == CBORError(.invalidUTF8, at: 2))
    for wellFormed in ["617f", "62c280", "62dfbf", "63e0a080", "63ed9fbf", "63ee8080", "64f0908080", "64f48fbfbf"] {
      #expect(refusal(wellFormed) == nil, "\(wellFormed)")
    }
  }

  @Test("agrees with the standard library on what well-formed UTF-8 is")
  func utf8Reference() {
    var random = SplitMix(seed: 3)
    let bounds: [UInt8] = [
      0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5,
    ]
    for _ in 0..<20_000 {
      let utf8 = (0..<Int.random(in: 0...5, using: &random)).map { _ in bounds.randomElement(using: &random) ?? 0 }
      var encoder = CBOREncoder()
      let accepted: Void? = try? encoder.encode(textUTF8: utf8)
      #expect((accepted != nil) == (String(validating: utf8, as: UTF8.self) != nil), "\(utf8)")
    }
  }

  @Test("limits how deep arrays, maps and tags enclose one another")
  func depth() {
    for open in ["81", "a100", "c1"] {
      let level = open.count / 2
      let fits = String(repeating: open, count: 16) + "00"
      #expect(refusal(fits) == nil)
      #expect(refusal(open + fits) == CBORError(.nestingTooDeep, at: 16 * level))
    }
    #expect(refusal("a181810080") == nil)
    #expect(refusal("a1818100" + "80", maximumDepth: 2) == CBORError(.nestingTooDeep, at: 2))  // within a key
    #expect(refusal("80", maximumDepth: 0) == CBORError(.nestingTooDeep, at: 0))
    #expect(refusal("00", maximumDepth: 0) == nil)
    #expect(refusal(String(repeating: "81", count: 100_000)) == CBORError(.nestingTooDeep, at: 16))
  }

  @Test(
    "rejects a declared size that exceeds what is left before anything of that size exists",
    arguments: [
      "5bffffffffffffffff", "7bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff", "5b7fffffffffffffff",
      "9b7fffffffffffffff", "bb4000000000000000", "5a80000000", "42ff", "8200", "a2000001", "a100", "9903e8",
    ])
  func declaredSize(_ hex: String) {
    #expect(refusal(hex) == CBORError(.truncated, at: 0))
  }

  @Test("rejects bytes after the item")
  func trailing() {
    #expect(refusal("0000") == CBORError(.trailingBytes, at: 1))
    #expect(refusal("8100ff") == CBORError(.trailingBytes, at: 2))
    #expect(throws: Never.self) { try CBORReader([]).finish() }
  }

  @Test("rejects a sample truncated at every length")
  func truncation() throws {
    let sample = try Sample.encoded()
    #expect(refusal(sample.hex) == nil)
    for length in 0..<sample.count {
      let refused = try #require(refusal(Array(sample[..<length]).hex), "\(length)")
      #expect(refused.kind == .truncated, "\(length)")
      #expect((0...length).contains(refused.offset))
      #expect(throws: CBORError.self) { try GenericItem.decode(Array(sample[..<length])) }
    }
  }

  @Test("rejects an item of another type than asked for, and stays where it was")
  func unexpectedType() {
    var reader = CBORReader(bytes(fromHex: "8300f6f4"))
    func expect(_ offset: Int, _ body: (inout CBORReader) throws -> Void) {
      #expect(throws: CBORError(.unexpectedType, at: offset)) { try body(&reader) }
      #expect(reader.position == offset)
    }
    expect(0) { _ = try $0.readUnsigned() }
    expect(0) { _ = try $0.readInteger() }
    expect(0) { _ = try $0.readBytes() }
    expect(0) { _ = try $0.readBytes(count: 1) }
    expect(0) { _ = try $0.readText() }
    expect(0) { _ = try $0.readTag() }
    expect(0) { _ = try $0.readMap() }
    expect(0) { _ = try $0.readBool() }
    expect(0) { try $0.readNull() }
    #expect(throws: Never.self) { try reader.readArrayHeader() }
    expect(1) { _ = try $0.readArrayHeader() }
    #expect(throws: Never.self) { try reader.readUnsigned() }
    expect(2) { _ = try $0.readBool() }
    #expect(throws: Never.self) { try reader.readNull() }
    expect(3) { try $0.readNull() }
    #expect(throws: Never.self) { try reader.readBool() }
    #expect(reader.isAtEnd)
  }

  @Test("rejects integers outside the type asked for")
  func outOfRange() throws {
    func integer(_ hex: String) throws -> Int64 {
      var reader = CBORReader(bytes(fromHex: "81" + hex))
      _ = try reader.readArrayHeader()
      return try reader.readInteger()
    }
    #expect(try integer("1b7fffffffffffffff") == .max)
    #expect(try integer("3b7fffffffffffffff") == .min)
    #expect(throws: CBORError(.outOfRange, at: 1)) { try integer("1b8000000000000000") }
    #expect(throws: CBORError(.outOfRange, at: 1)) { try integer("3b8000000000000000") }
  }

  @Test("rejects strings and collections beyond the caller's limits")
  func limits() throws {
    var reader = CBORReader(bytes(fromHex: "8443010203636162638200" + "01a1" + "0000"))
    _ = try reader.readArrayHeader(atMost: 4)
    #expect(throws: CBORError(.tooLarge, at: 1)) { try reader.readBytes(atMost: 2) }
    #expect(throws: CBORError(.outOfRange, at: 1)) { try reader.readBytes(count: 2) }
    #expect(throws: CBORError(.outOfRange, at: 1)) { try reader.readBytes(count: 4) }
    #expect(Array(try reader.readBytes(atMost: 3)) == [1, 2, 3])
    #expect(throws: CBORError(.tooLarge, at: 5)) { try reader.readText(atMost: 2) }
    #expect(Array(try reader.readText(atMost: 3)) == Array("abc".utf8))
    #expect(throws: CBORError(.tooLarge, at: 9)) { try reader.readArrayHeader(atMost: 1) }
    try reader.skipItem()
    #expect(throws: CBORError(.tooLarge, at: 12)) { try reader.readMap(atMost: 0) }
    #expect(try reader.readMap(atMost: 1).remaining == 1)
  }

  @Test("reads from a slice, and reports positions in the array behind it")
  func sliceOffsets() throws {
    let file = bytes(fromHex: "ffff82011801ff")
    var reader = CBORReader(file[2..<6])
    #expect(reader.position == 2)
    #expect(try reader.readArrayHeader() == 2)
    #expect(try reader.readUnsigned() == 1)
    #expect(throws: CBORError(.nonCanonical, at: 4)) { try reader.skipItem() }
    #expect(CBORDiagnostic(file[2..<6]).error == CBORError(.nonCanonical, at: 4))
    // The byte behind the slice's end is out of reach.
    var short = CBORReader(file[4..<5])
    #expect(throws: CBORError(.truncated, at: 4)) { try short.readUnsigned() }
  }

  @Test("walks maps with integer keys, text keys, or both")
  func mapKeys() throws {
    var reader = CBORReader(bytes(fromHex: "a4" + "0100" + "2001" + "616102" + "62616103"))
    var map = try reader.readMap()
    #expect(map.remaining == 4)
    #expect(throws: CBORError(.unexpectedType, at: 1)) { try reader.nextTextKey(&map) }
    #expect(try reader.nextIntegerKey(&map) == 1)
    #expect(try reader.readUnsigned() == 0)
    #expect(try reader.nextIntegerKey(&map) == -1)
    try reader.skipItem()
    #expect(throws: CBORError(.unexpectedType, at: 5)) { try reader.nextIntegerKey(&map) }
    #expect(map.remaining == 2)
    #expect(try reader.nextTextKey(&map).map(Array.init) == Array("a".utf8))
    try reader.skipItem()
    #expect(try reader.nextTextKey(&map).map(Array.init) == Array("aa".utf8))
    try reader.skipItem()
    #expect(try reader.nextTextKey(&map) == nil)
    #expect(try reader.nextIntegerKey(&map) == nil)
    try reader.finish()
  }

  @Test("the map cursor enforces order and uniqueness of keys")
  func cursorOrder() throws {
    for (hex, refused) in [
      ("a201000000", CBORError(.nonCanonical, at: 3)), ("a201000100", CBORError(.duplicateKey, at: 3)),
      ("a220000100", CBORError(.nonCanonical, at: 3)), ("a2616100" + "616100", CBORError(.duplicateKey, at: 4)),
      ("a261620061" + "6100", CBORError(.nonCanonical, at: 4)),
    ] {
      var reader = CBORReader(bytes(fromHex: hex))
      var map = try reader.readMap()
      let isText = try reader.peekType() == .text
      #expect(throws: refused, "\(hex)") {
        while isText ? try reader.nextTextKey(&map) != nil : try reader.nextIntegerKey(&map) != nil {
          try reader.skipItem()
        }
      }
    }
  }
}
