import ErrorClass
import HuskFormat
import Testing

@testable import Decryptor

/// SPEC 8: what is remembered of releases.
@Suite("The log of releases")
struct ReleaseLogTests {
  private func name(_ text: String) -> Name {
    guard let name = Name(Array(text.utf8)) else { preconditionFailure("\(text) is a name") }
    return name
  }

  private func scope(_ text: String) -> Scope {
    guard let scope = Scope(Array(text.utf8)[...]) else { preconditionFailure("\(text) is a scope") }
    return scope
  }

  private func release(
    _ module: String, _ vendorScope: String, sequence: UInt64 = 1, time: UInt64 = 10
  ) -> ReleaseLog.Release {
    ReleaseLog.Release(module: name(module), vendorScope: scope(vendorScope), sequence: sequence, time: time)
  }

  /// The class with which a release is refused; nil if it isn't.
  private func refusal(_ log: inout ReleaseLog, _ release: ReleaseLog.Release, to user: UInt32) -> ErrorClass? {
    do throws(ErrorClass) {
      try log.record(release, to: user)
      return nil
    } catch {
      return error
    }
  }

  @Test("binds each user to the vendor scope of its first module")
  func scopes() {
    var log = ReleaseLog()
    #expect(refusal(&log, release("a.one", "a."), to: 1) == nil)
    #expect(refusal(&log, release("a.two", "a."), to: 1) == nil)
    #expect(refusal(&log, release("b.one", "b."), to: 1) == .scopeConflict)
    #expect(refusal(&log, release("b.one", "b."), to: 2) == nil)
    #expect(refusal(&log, release("a.one", "a."), to: 2) == .scopeConflict)
    #expect(refusal(&log, release("a.one", "a."), to: 1) == nil)
  }

  @Test("remembers sequence numbers for all users together, each module's own")
  func sequences() {
    var log = ReleaseLog()
    #expect(log.highestSequence(of: name("a.one")) == 0)
    #expect(refusal(&log, release("a.one", "a.", sequence: 5), to: 1) == nil)
    #expect(log.highestSequence(of: name("a.one")) == 5)
    #expect(refusal(&log, release("a.one", "a.", sequence: 4), to: 2) == .rollback)
    #expect(refusal(&log, release("a.one", "a.", sequence: 5), to: 2) == nil)
    #expect(refusal(&log, release("a.two", "a.", sequence: 1), to: 2) == nil)
    #expect(refusal(&log, release("a.one", "a.", sequence: 6), to: 3) == nil)
    #expect(log.highestSequence(of: name("a.one")) == 6)
  }

  @Test("remembers times for all users together, each vendor scope's own, and they never go back")
  func times() {
    var log = ReleaseLog()
    #expect(log.time(of: scope("a.")) == 0)
    #expect(refusal(&log, release("a.one", "a.", time: 50), to: 1) == nil)
    #expect(refusal(&log, release("a.one", "a.", time: 40), to: 2) == nil)
    #expect(log.time(of: scope("a.")) == 50)
    #expect(log.time(of: scope("b.")) == 0)
    #expect(refusal(&log, release("a.two", "a.", time: 60), to: 2) == nil)
    #expect(log.time(of: scope("a.")) == 60)
  }

  @Test("takes no notice of what is refused")
  func refusals() {
    var log = ReleaseLog()
    #expect(refusal(&log, release("a.one", "a.", sequence: 5, time: 10), to: 1) == nil)
    #expect(refusal(&log, release("b.one", "b.", sequence: 5, time: 99), to: 1) == .scopeConflict)
    #expect(log.highestSequence(of: name("b.one")) == 0)
    #expect(log.time(of: scope("b.")) == 0)
    #expect(refusal(&log, release("a.one", "a.", sequence: 4, time: 99), to: 2) == .rollback)
    #expect(log.time(of: scope("a.")) == 10)
    // User 2 is still free.
    #expect(refusal(&log, release("b.one", "b."), to: 2) == nil)
  }

  @Test("holds 64 users; those it knows go on")
  func users() {
    var log = ReleaseLog()
    for user: UInt32 in 0..<64 { #expect(refusal(&log, release("a.one", "a."), to: user) == nil) }
    #expect(refusal(&log, release("a.one", "a."), to: 64) == .limitExceeded)
    #expect(refusal(&log, release("a.one", "a.", sequence: 2), to: 63) == nil)
  }

  @Test("holds 1024 modules; those it knows go on")
  func modules() {
    var log = ReleaseLog()
    for number in 0..<1024 { #expect(refusal(&log, release("a.m\(number)", "a."), to: 1) == nil) }
    #expect(refusal(&log, release("a.more", "a."), to: 1) == .limitExceeded)
    #expect(refusal(&log, release("a.m1023", "a.", sequence: 2), to: 2) == nil)
  }
}
