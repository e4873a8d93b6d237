import ErrorClass
import FormatFixtures
import HuskFormat
import SecureStorage
import Testing

private let acme = testScope("com.acme.")

/// What may become of the state, whatever it is kept in (SPEC 7.8).
@Suite("What a decryptor remembers")
struct SecureStateTests {
  @Test("a vendor's modules and lists leave room for others")
  func quotas() throws {
    let greedy = testScope("com.b.")
    var state = SecureState(generation: 0)
    func module(_ name: String, of vendor: Scope, isOnTrial: Bool = false) -> ErrorClass? {
      refusal(&state) { (state) throws(ErrorClass) in
        try state.record(load(testName(name), sequence: 1, scope: vendor, isOnTrial: isOnTrial))
      }
    }
    func list(_ scope: String, number: UInt64 = 1, of vendor: Scope) -> ErrorClass? {
      refusal(&state) { (state) throws(ErrorClass) in
        let mark = StatusMark(scope: testScope(scope), number: number, digest: bytes(named: "\(number)"))
        try state.record(mark, of: vendor)
      }
    }
    for number in 0..<64 { #expect(module("com.b.m\(number)", of: greedy) == nil) }
    for number in 0..<16 { #expect(list("com.b.m\(number)", of: greedy) == nil) }
    let full = state
    // More of them, in whatever product line.
    #expect(module("com.b.more", of: greedy) == .limitExceeded)
    #expect(module("com.b.line.more", of: greedy) == .limitExceeded)
    #expect(module("com.b.more", of: greedy, isOnTrial: true) == .limitExceeded)
    #expect(list("com.b.more", of: greedy) == .limitExceeded)
    #expect(list("com.b.", of: greedy) == .limitExceeded)
    #expect(state == full)
    // What is remembered goes on, and others have room.
    #expect(module("com.b.m7", of: greedy) == nil)
    #expect(list("com.b.m7", number: 2, of: greedy) == nil)
    for number in 0..<64 { #expect(module("com.acme.m\(number)", of: acme) == nil) }
    for number in 0..<16 { #expect(list("com.acme.m\(number)", of: acme) == nil) }
    // A name that only begins alike is somebody else's.
    #expect(module("com.bee.m", of: testScope("com.bee.")) == nil)
    // Nobody's in particular have what there is in all.
    #expect(module("com.b.more", of: .everything) == nil)
    #expect(list("com.b.more", of: .everything) == nil)
  }

  @Test("status lists count up per scope, by bounded steps")
  func statusNumbers() throws {
    func mark(_ number: UInt64, _ name: String = "list", _ scope: Scope = acme) -> StatusMark {
      StatusMark(scope: scope, number: number, digest: bytes(named: name))
    }
    var state = SecureState(generation: 0)
    func refusal(_ mark: StatusMark) -> ErrorClass? {
      self.refusal(&state) { (state) throws(ErrorClass) in try state.record(mark, of: mark.scope) }
    }
    #expect(refusal(mark(65_537)) == .limitExceeded)
    #expect(refusal(mark(65_536)) == nil)
    #expect(refusal(mark(65_536)) == nil)
    #expect(refusal(mark(65_535)) == .rollback)
    #expect(refusal(mark(65_536, "another")) == .rollback)
    #expect(refusal(mark(131_073)) == .limitExceeded)
    #expect(refusal(mark(1, "list", testScope("org.other."))) == nil)
    #expect(refusal(mark(131_072)) == nil)
    #expect(state.statusMarks.map(\.number) == [131_072, 1])
  }

  private func refusal(_ state: inout SecureState, _ change: Change) -> ErrorClass? {
    do throws(ErrorClass) {
      try change(&state)
      return nil
    } catch {
      return error
    }
  }
}
