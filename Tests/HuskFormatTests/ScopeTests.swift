import FormatFixtures
import HuskFormat
import Testing

/// SPEC 3.3.
@Suite("Scopes")
struct ScopeTests {
  @Test("are empty, a prefix or a name", arguments: ["", "com.", "com.acme.", "com.acme", "com.acme.codec"])
  func scopes(_ text: String) {
    #expect(Scope(text.utf8)?.bytes == Array(text.utf8))
  }

  @Test(
    "are nothing else",
    arguments: [
      ".", "..", "com", "com..", "com.acme..", ".com", ".com.", "com..acme", "COM.", "com.*", "com.acme/", " ",
      String(repeating: "x", count: 127) + ".y",
    ])
  func notScopes(_ text: String) {
    #expect(Scope(text.utf8) == nil)
  }

  struct Coverage: Sendable {
    let scope: String
    let covered: [String]
    let others: [String]
  }

  @Test(
    "cover names at the boundaries of labels",
    arguments: [
      Coverage(scope: "", covered: ["com.acme", "org.other.x"], others: []),
      Coverage(scope: "com.", covered: ["com.acme", "com.acmex.y"], others: ["co.m", "comx.acme", "org.com.x"]),
      Coverage(
        scope: "com.acme.", covered: ["com.acme.codec", "com.acme.a.b"],
        others: ["com.acme", "com.acmex", "com.acmex.codec", "com.acm", "xcom.acme.codec", "com.acme-x.codec"]),
      Coverage(
        scope: "com.acme", covered: ["com.acme"],
        others: ["com.acmex", "com.acme.codec", "com.acm", "com.acme-x", "org.acme"]),
      Coverage(scope: "com.acme.codec", covered: ["com.acme.codec"], others: ["com.acme.codec.x", "com.acme.code"]),
    ])
  func covers(_ coverage: Coverage) {
    let scope = testScope(coverage.scope)
    for name in coverage.covered { #expect(scope.covers(testName(name)), "\(name)") }
    for name in coverage.others { #expect(!scope.covers(testName(name)), "\(name)") }
  }

  @Test(
    "contain narrower ones",
    arguments: [
      Coverage(scope: "", covered: ["", "com.", "com.acme.", "com.acme"], others: []),
      Coverage(scope: "com.", covered: ["com.", "com.acme.", "com.acme"], others: ["", "org.", "comx.", "co.m"]),
      Coverage(
        scope: "com.acme.", covered: ["com.acme.", "com.acme.codec", "com.acme.codec."],
        others: ["", "com.", "com.acme", "com.acmex.", "com.acmex"]),
      Coverage(scope: "com.acme", covered: ["com.acme"], others: ["", "com.", "com.acme.", "com.acme.x", "com.acmex"]),
    ])
  func contains(_ coverage: Coverage) {
    let scope = testScope(coverage.scope)
    for other in coverage.covered { #expect(scope.contains(testScope(other)), "\(other)") }
    for other in coverage.others { #expect(!scope.contains(testScope(other)), "\(other)") }
  }

  @Test("one that contains another covers all that the other does")
  func transitive() {
    let scopes = ["", "com.", "org.", "com.acme.", "com.acme", "com.acmex.", "com.acme.codec", "com.acme.codec."]
    let names = ["com.acme", "com.acmex", "com.acmex.y", "com.acme.codec", "com.acme.codec.x", "org.acme", "org.a.b"]
    for one in scopes.map(testScope) {
      for other in scopes.map(testScope) where one.contains(other) {
        for name in names.map(testName) where other.covers(name) { #expect(one.covers(name)) }
        for third in scopes.map(testScope) where other.contains(third) { #expect(one.contains(third)) }
      }
    }
  }
}
