import FormatFixtures
import HuskFormat
import Testing

/// SPEC 1.3 and 3.1.
@Suite("Names and roles")
struct NameTests {
  @Test(
    "a name is two or more labels",
    arguments: [
      "a.b", "com.acme", "com.example.adpcm", "0.0", "-.-", "_._", "com.acme.a-b_c.9",
      "com." + String(repeating: "x", count: 124),
    ])
  func names(_ text: String) {
    #expect(Name(text.utf8)?.bytes == Array(text.utf8))
  }

  @Test(
    "anything else isn't a name",
    arguments: [
      "", "a", "com", ".", "..", ".com", "com.", ".com.acme", "com.acme.", "com..acme", "Com.acme", "com.aCme",
      "com.acme/codec", "com.acme\0", "com acme.x", "com.acmé", "com.acme\n", "../com.acme", "com.acme*", "com:acme.x",
      "com." + String(repeating: "x", count: 125), String(repeating: "x", count: 128),
    ])
  func notNames(_ text: String) {
    #expect(Name(text.utf8) == nil)
  }

  @Test("every byte but the allowed ones is refused")
  func bytes() {
    let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    for byte in UInt8.min ... .max {
      let text = Array("com.a".utf8) + [byte]
      #expect((Name(text) != nil) == allowed.contains(byte), "\(byte)")
    }
  }

  @Test("a role is up to 32 small letters, dots and hyphens, whether it is known or not")
  func roles() {
    for role in Role.known { #expect(Role(role.bytes) == role) }
    for text in ["a", "station", "boot.next", "x-y", String(repeating: "r", count: 32)] {
      #expect(Role(text.utf8)?.bytes == Array(text.utf8))
    }
    for text in ["", String(repeating: "r", count: 33), "Module", "module ", "mod1", "modulé", "a\u{1b}b", "module\0"] {
      #expect(Role(text.utf8) == nil, "\(text)")
    }
    #expect(Set(Role.known.map(\.bytes)).count == 7)
  }
}
