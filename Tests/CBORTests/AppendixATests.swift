import CBOR
import TestSupport
import Testing

/// RFC 8949 appendix A. What it holds that is not in the supported subset must be refused for the right reason.
@Suite("RFC 8949 appendix A", .enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct AppendixATests {
  private struct Vector: Decodable {
    let hex: String
    let roundtrip: Bool
    let diagnostic: String?
  }

  @Test("each vector is decoded and encoded again identically, or refused for the expected reason")
  func everyVector() throws {
    let all = try vectors("cbor/appendix_a.json", as: [Vector].self)
    var ran = 0
    var accepted = 0
    for vector in all {
      let encoded = bytes(fromHex: vector.hex)
      if let expected = Self.expectedRefusal(vector.hex, encoded, roundtrip: vector.roundtrip) {
        var reader = CBORReader(encoded)
        #expect(throws: expected, "\(vector.hex)") { try reader.skipItem() }
        #expect(CBORDiagnostic(encoded).error == expected)
      } else {
        #expect(vector.roundtrip)
        var reader = CBORReader(encoded)
        #expect(Array(try reader.skipItem()) == encoded)
        try reader.finish()
        #expect(try GenericItem.decode(encoded).encoded() == encoded, "\(vector.hex)")
        let diagnostic = CBORDiagnostic(encoded)
        #expect(diagnostic.error == nil)
        if let notation = vector.diagnostic { #expect(diagnostic.text == notation) }
        accepted += 1
      }
      ran += 1
    }
    #expect(accepted > 40)
    recordVectorCount(set: "RFC 8949 appendix A", ran: ran, of: all.count)
  }

  /// The first offence of each vector outside the subset, from what appendix A says about it.
  private static func expectedRefusal(_ hex: String, _ encoded: [UInt8], roundtrip: Bool) -> CBORError? {
    switch hex {
    case "c1fb41d452d9ec200000": return CBORError(.unsupportedType, at: 1)  // 1(1363896240.5)
    case "83018202039f0405ff": return CBORError(.nonCanonical, at: 5)
    case "83019f0203ff820405", "826161bf61626163ff": return CBORError(.nonCanonical, at: hex.hasPrefix("83") ? 2 : 3)
    default: break
    }
    switch encoded[0] {
    case 0xf4, 0xf5, 0xf6: return nil
    case 0xe0...0xfb: return CBORError(.unsupportedType, at: 0)
    case 0x5f, 0x7f, 0x9f, 0xbf: return CBORError(.nonCanonical, at: 0)
    default: return nil
    }
  }
}
