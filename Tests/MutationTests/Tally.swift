import ErrorClass
import TestSupport
import Testing

/// Counts mutations, and says which weren't refused as they should be.
struct Tally {
  private var refused = 0
  private var count = 0
  private var surprises: [String] = []

  /// - Parameter classes: those with which SPEC refuses it.
  mutating func check(
    _ refusal: ErrorClass?, among classes: Set<ErrorClass>, _ comment: @autoclosure () -> String
  ) {
    count += 1
    // An expectation for each of them would take longer than the mutations.
    if let refusal, classes.contains(refusal) {
      refused += 1
    } else if surprises.count < 10 {
      surprises.append("\(comment()): \(refusal.map { "\($0.name)" } ?? "accepted")")
    }
  }

  /// Expects that there were mutations, and that all were refused.
  func record(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) {
    recordVectorCount(set: "mutations refused, \(what):", ran: refused, of: count)
    #expect(refused == count && count > 0, "\(surprises)", sourceLocation: sourceLocation)
  }
}
