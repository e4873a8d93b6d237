import CBOR
import TestSupport
import Testing

@Suite("Diagnostic notation")
struct CBORDiagnosticTests {
  @Test(
    "prints every supported type",
    arguments: [
      ("00", "0"), ("1bffffffffffffffff", "18446744073709551615"), ("20", "-1"), ("3863", "-100"),
      ("3bffffffffffffffff", "-18446744073709551616"), ("3bfffffffffffffffe", "-18446744073709551615"), ("40", "h''"),
      ("4401020aff", "h'01020aff'"), ("6449455446", "\"IETF\""), ("63e6b0b4", "\"水\""), ("80", "[]"), ("a0", "{}"),
      ("8301820203820405", "[1, [2, 3], [4, 5]]"), ("a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}"),
      ("d28443a10127a0f640", "18([h'a10127', {}, null, h''])"), ("82f4f5", "[false, true]"),
    ])
  func notation(_ hex: String, _ expected: String) {
    let diagnostic = CBORDiagnostic(bytes(fromHex: hex))
    #expect(diagnostic.text == expected)
    #expect(diagnostic.error == nil)
  }

  @Test("escapes quotes, control characters and marks that reorder text")
  func escapes() throws {
    var encoder = CBOREncoder()
    let text = "\"\\\n\r\t\u{0}\u{1b}[2J\u{7f}\u{85}\u{202e}\u{2066}\u{feff}é😀"
    try encoder.encode(textUTF8: Array(text.utf8))
    let expected = #""\"\\\n\r\t\u0000\u001b[2J\u007f\u0085\u202e\u2066\ufeffé😀""#
    #expect(CBORDiagnostic(encoder.bytes).text == expected)
  }

  @Test(
    "prints what precedes the offending item and says what is wrong with it",
    arguments: [
      ("8301021800", "[1, 2, ", CBORError(.nonCanonical, at: 3)),
      ("a2016178" + "0000", "{1: \"x\", ", CBORError(.nonCanonical, at: 4)),
      ("a2016178" + "0100", "{1: \"x\", ", CBORError(.duplicateKey, at: 4)),
      ("a2016178" + "02f7", "{1: \"x\", 2: ", CBORError(.unsupportedType, at: 5)),
      ("d2f6f6", "18(null)", CBORError(.trailingBytes, at: 2)),
      ("8261ff00", "[", CBORError(.invalidUTF8, at: 2)),
      ("", "", CBORError(.truncated, at: 0)),
    ])
  func refusals(_ hex: String, _ printed: String, _ error: CBORError) {
    let diagnostic = CBORDiagnostic(bytes(fromHex: hex))
    #expect(diagnostic.error == error)
    #expect(diagnostic.text == printed)
  }
}
