import Foundation
import TestSupport
import Testing

/// SPEC.md says of itself which tests hold it to what it demands, and lists what implementations have in common.
@Suite("SPEC.md")
struct SpecificationTests {
  private let text: String

  init() throws {
    text = try String(contentsOf: packageRoot.appending(path: "SPEC.md"), encoding: .utf8)
  }

  /// The text of a section with its subsections, up to the next one of its level.
  private func section(_ heading: String) throws -> Substring {
    let start = try #require(text.range(of: "\n\(heading)"))
    let level = heading.prefix { $0 == "#" }
    let rest = text[start.upperBound...]
    let next = (1...level.count).compactMap { rest.range(of: "\n\(String(repeating: "#", count: $0)) ")?.lowerBound }
    return rest[..<(next.min() ?? rest.endIndex)]
  }

  @Test("has a row for every MUST, and no other")
  func everyMust() throws {
    let rows = try section("### 20.1").split(separator: "\n").compactMap { line -> String? in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      return cells.count == 3 && cells[1].hasPrefix("MUST") ? cells[1] : nil
    }
    let end = try #require(text.range(of: "\n## 18 Registry")).lowerBound
    // The line that says what the key words mean isn't a statement.
    let start = try #require(text.range(of: "those of BCP 14.")).upperBound
    let statements = text[start..<end].split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(rows.count > 15)
    for row in rows { #expect(statements.contains(row), "nothing says: \(row)") }
    for place in statements.ranges(of: "MUST") {
      let rest = statements[place.lowerBound...]
      #expect(rows.contains { rest.hasPrefix($0) }, "without a test: \(rest.prefix(80))")
    }
  }

  @Test("names tests that there are")
  func names() throws {
    let tables = try [section("## 19"), section("### 20.1"), section("### 20.2")]
    let reference = /`([A-Za-z0-9]+\/[A-Za-z0-9]+)`((?:,? "[^"]+")+)/
    var count = 0
    for match in tables.flatMap({ $0.matches(of: reference) }) {
      let file = packageRoot.appending(path: "Tests/\(match.output.1).swift")
      let source = try String(contentsOf: file, encoding: .utf8)
      for title in match.output.2.matches(of: /"([^"]+)"/).map(\.output.1) {
        #expect(source.contains("\"\(title)\""), "\(match.output.1) has no test \"\(title)\"")
        count += 1
      }
    }
    #expect(count > 100)
    // Whatever looks like a title belongs to a file.
    for table in tables {
      let titles = table.split(separator: "\n").filter { $0.hasPrefix("|") }.flatMap { $0.matches(of: /"[^"]+"/) }
      let named = table.matches(of: reference).flatMap { $0.output.2.matches(of: /"[^"]+"/) }
      #expect(titles.count == named.count)
    }
  }

  @Test("registers every tag, private claim and string that separates uses of keys")
  func registry() throws {
    let registry = try section("## 18")
    let rest = text.replacing(registry, with: "")
    let used = Set(
      rest.matches(of: /12156567[0-9]{2}|-700[0-9]{2}|"husk[ -][a-z -]+"/).map {
        $0.output.replacing("-700", with: "−700")
      })
    #expect(used.count > 25)
    for item in used { #expect(registry.contains(item), "not in section 18: \(item)") }
  }

  @Test("gives a reason for every limit")
  func reasons() throws {
    let rows = try section("## 11").split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(rows.count > 20)
    for row in rows {
      let cells = row.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
      #expect(cells.count == 3 && cells.allSatisfy { !$0.allSatisfy(\.isWhitespace) }, "\(row)")
    }
  }
}
