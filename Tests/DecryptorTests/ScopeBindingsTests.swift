import ErrorClass
import HuskFormat
import Testing

@testable import Decryptor

/// SPEC 8: which vendor's modules a user may have.
@Suite("The binding of users to vendor scopes")
struct ScopeBindingsTests {
  private func scope(_ text: String) -> Scope {
    guard let scope = Scope(Array(text.utf8)[...]) else { preconditionFailure("\(text) is a scope") }
    return scope
  }

  /// The class with which a release is refused; nil if it isn't.
  private func refusal(_ bindings: inout ScopeBindings, _ vendorScope: String, to user: UInt32) -> ErrorClass? {
    do throws(ErrorClass) {
      try bindings.bind(user, to: scope(vendorScope))
      return nil
    } catch {
      return error
    }
  }

  @Test("is each user's own, and made by the first module")
  func users() {
    var bindings = ScopeBindings()
    #expect(refusal(&bindings, "a.", to: 1) == nil)
    #expect(refusal(&bindings, "a.", to: 1) == nil)
    #expect(refusal(&bindings, "b.", to: 1) == .scopeConflict)
    #expect(refusal(&bindings, "b.", to: 2) == nil)
    #expect(refusal(&bindings, "a.", to: 2) == .scopeConflict)
    #expect(refusal(&bindings, "a.", to: 1) == nil)
  }

  @Test("isn't made by a question")
  func questions() throws {
    var bindings = ScopeBindings()
    try bindings.check(scope("a."), to: 1)
    #expect(refusal(&bindings, "b.", to: 1) == nil)
  }

  @Test("is made for 64 users; those that it knows go on")
  func bound() {
    var bindings = ScopeBindings()
    for user: UInt32 in 0..<64 { #expect(refusal(&bindings, "a.", to: user) == nil) }
    #expect(refusal(&bindings, "a.", to: 64) == .limitExceeded)
    #expect(refusal(&bindings, "a.", to: 63) == nil)
  }
}
