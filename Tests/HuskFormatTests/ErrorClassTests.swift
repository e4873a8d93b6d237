import ErrorClass
import Foundation
import TestSupport
import Testing

/// SPEC 10 and husk.h are lists of the same things.
@Suite("Error classes")
struct ErrorClassTests {
  private func text(_ path: String) throws -> String {
    try String(contentsOf: packageRoot.appending(path: path), encoding: .utf8)
  }

  @Test("have the numbers and names of SPEC 10")
  func spec() throws {
    let section = try #require(try text("SPEC.md").split(separator: "\n## 10 Error classes").last)
    var listed: [Int32: String] = [:]
    for line in section.prefix(upTo: section.range(of: "\n## 11")?.lowerBound ?? section.endIndex).split(
      separator: "\n")
    {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3, let number = Int32(cells[0]) else { continue }
      listed[number] = cells[1].trimmingCharacters(in: ["`"])
    }
    let known = ErrorClass.allCases.map { ($0.rawValue, "\($0.name)") }
    #expect(listed == Dictionary(known, uniquingKeysWith: { first, _ in first }))
    #expect(Set(known.map(\.1)).count == known.count)
  }

  @Test("have the numbers and names of husk.h")
  func header() throws {
    var listed: [String: Int32] = [:]
    for line in try text("Sources/CHusk/include/husk.h").split(separator: "\n") {
      guard let match = line.firstMatch(of: #/^\s*HUSK_E_([A-Z_]+)\s*=\s*(\d+)/#) else { continue }
      listed[match.1.lowercased().replacingOccurrences(of: "_", with: "-")] = Int32(match.2)
    }
    let known = ErrorClass.allCases.map { ("\($0.name)", $0.rawValue) }
    #expect(listed == Dictionary(known, uniquingKeysWith: { first, _ in first }))
  }
}
