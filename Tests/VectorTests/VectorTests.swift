import TestSupport
import Testing

@testable import FormatVectors

extension NamedVector: CustomTestStringConvertible {
  var testDescription: String { path }
}

@Suite("Vectors")
struct VectorTests {
  @Test(
    "come to what they say: the class, the place of the fault, and what is released before it",
    arguments: NamedVector.all)
  func verdict(_ named: NamedVector) throws {
    let verdict = try Verdict(of: named.vector)
    let expected = try Verdict(expectedBy: named.vector)
    #expect(verdict == expected)
  }

  @Test("are counted")
  func count() throws {
    for kind in Vector.Kind.allCases {
      let vectors = try NamedVector.all.filter { try $0.vector.kind == kind }
      let matching = try vectors.filter { try Verdict(of: $0.vector) == Verdict(expectedBy: $0.vector) }
      recordVectorCount(set: "husk \(kind.rawValue)", ran: matching.count, of: vectors.count)
    }
  }
}
