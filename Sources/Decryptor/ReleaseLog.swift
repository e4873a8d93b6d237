import ErrorClass
import HuskFormat

/// What the decryptor remembers of the modules that it released, until it ends (SPEC 8, 15.3).
///
/// Sequence numbers and times are all clients' together; a vendor scope is a user's. It holds a bounded number of each: what
/// would be one more is refused before it is released.
struct ReleaseLog {
  static let mostUsers = 64
  static let mostModules = 1024

  private var users: [(id: UInt32, scope: Scope)] = []
  private var modules: [(name: Name, sequence: UInt64)] = []
  /// The latest signed time seen in objects of a vendor scope; there are no more of them than users.
  private var times: [(scope: Scope, latest: UInt64)] = []

  /// A module that is to be released, or was.
  struct Release: Equatable {
    let module: Name
    let vendorScope: Scope
    /// The grant's.
    let sequence: UInt64
    /// The latest signed time seen, seconds since 1970.
    let time: UInt64
  }

  /// The highest sequence number of a grant that let this module go; 0 if none did.
  func highestSequence(of module: Name) -> UInt64 {
    modules.first { $0.name == module }?.sequence ?? 0
  }

  /// The latest signed time seen in this scope; 0 if there is none.
  func time(of scope: Scope) -> UInt64 {
    times.first { $0.scope == scope }?.latest ?? 0
  }

  /// Throws the class with which a module is refused to a user because of what was released before: to the user, and at
  /// all.
  func check(_ module: Name, vendorScope: Scope, to user: UInt32) throws(ErrorClass) {
    if let bound = users.first(where: { $0.id == user }) {
      guard bound.scope == vendorScope else { throw .scopeConflict }
    } else {
      guard users.count < Self.mostUsers else { throw .limitExceeded }
    }
    guard modules.count < Self.mostModules || modules.contains(where: { $0.name == module }) else {
      throw .limitExceeded
    }
  }

  /// Takes notice of a release, unless it is refused: with the class of ``check(_:vendorScope:to:)``, or `rollback` if a
  /// grant with a higher number was used meanwhile.
  mutating func record(_ release: Release, to user: UInt32) throws(ErrorClass) {
    try check(release.module, vendorScope: release.vendorScope, to: user)
    guard release.sequence >= highestSequence(of: release.module) else { throw .rollback }
    if !users.contains(where: { $0.id == user }) { users.append((user, release.vendorScope)) }
    if let index = modules.firstIndex(where: { $0.name == release.module }) {
      modules[index].sequence = release.sequence
    } else {
      modules.append((release.module, release.sequence))
    }
    if let index = times.firstIndex(where: { $0.scope == release.vendorScope }) {
      times[index].latest = max(times[index].latest, release.time)
    } else {
      times.append((release.vendorScope, release.time))
    }
  }
}
