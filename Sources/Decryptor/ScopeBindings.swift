import ErrorClass
import HuskFormat

/// Which vendor's modules each user's clients may have: bound by the first load, until the decryptor ends (SPEC 8).
struct ScopeBindings {
  static let mostUsers = 64

  private var users: [(id: UInt32, scope: Scope)] = []

  /// Throws the class with which a scope's module is refused to a user because of what was released before.
  func check(_ vendorScope: Scope, to user: UInt32) throws(ErrorClass) {
    if let bound = users.first(where: { $0.id == user }) {
      guard bound.scope == vendorScope else { throw .scopeConflict }
    } else {
      guard users.count < Self.mostUsers else { throw .limitExceeded }
    }
  }

  /// Binds a user, unless ``check(_:to:)`` refuses it.
  mutating func bind(_ user: UInt32, to vendorScope: Scope) throws(ErrorClass) {
    try check(vendorScope, to: user)
    if !users.contains(where: { $0.id == user }) { users.append((user, vendorScope)) }
  }
}
