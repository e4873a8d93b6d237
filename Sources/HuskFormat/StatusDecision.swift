import ErrorClass

/// The highest status list that a device has seen for a scope (SPEC 5.3, 7.8).
public struct StatusMark: Equatable, Sendable {
  public let scope: Scope
  public let number: UInt64
  /// SHA-256 of the list's payload.
  public let digest: [UInt8]

  public init(scope: Scope, number: UInt64, digest: [UInt8]) {
    self.scope = scope
    self.number = number
    self.digest = digest
  }

  /// Checks that a list may come after this one: a later one, or the same again. For a scope's first see ``checkFirst()``.
  ///
  /// - Throws: `rollback`, `limitExceeded`.
  public func checkSuccessor(_ next: StatusMark) throws(FormatError) {
    guard next.number > number else {
      if next == self { return }
      throw FormatError(.rollback, in: .statusList)
    }
    guard next.number - number <= Limits.statusJump else { throw FormatError(.limitExceeded, in: .statusList) }
  }

  /// Checks that a list may be the first of its scope.
  ///
  /// - Throws: `limitExceeded`.
  public func checkFirst() throws(FormatError) {
    guard number <= Limits.statusJump else { throw FormatError(.limitExceeded, in: .statusList) }
  }
}

/// What a device knows of status lists when it decides about a load.
public struct StatusKnowledge: Equatable, Sendable {
  /// The highest seen per scope, for good.
  public var marks: [StatusMark]
  /// The lists of these numbers that were shown since the start.
  public var lists: [StatusList]

  public init(marks: [StatusMark] = [], lists: [StatusList] = []) {
    self.marks = marks
    self.lists = lists
  }

  /// Step 11 of SPEC 5: whether the lists let a package load under a grant.
  ///
  /// - Parameters:
  ///   - packageID: SHA-256 of the package's manifest.
  ///   - grant: nil for whatever grant there may be.
  /// - Throws: `statusRequired`, `revoked`, `rollback`.
  func check(_ package: Verified<Manifest>, packageID: [UInt8], _ grant: Verified<Grant>?) throws(FormatError) {
    let name = package.value.name
    for mark in marks where mark.scope.covers(name) {
      guard list(for: mark.scope)?.number == mark.number else { throw FormatError(.statusRequired, in: .manifest) }
    }
    let held = list(for: package.authority.vendorScope)?.number ?? 0
    guard grant?.value.terms.minimumStatus ?? 0 <= held else { throw FormatError(.statusRequired, in: .grant) }
    guard package.value.minimumStatus ?? 0 <= held else { throw FormatError(.statusRequired, in: .manifest) }
    for list in lists where list.scope.covers(name) {
      let keys = package.authority.keys + (grant?.authority.keys ?? [])
      guard !list.packages.contains(packageID), !list.keys.contains(where: { keys.contains($0) }),
        !list.versions.contains(where: { $0.module == name && $0.range.contains(package.value.version) })
      else { throw FormatError(.revoked, in: .manifest) }
      guard list.floors.allSatisfy({ $0.module != name || package.value.securityVersion >= $0.lowest }) else {
        throw FormatError(.rollback, in: .manifest)
      }
    }
  }

  private func list(for scope: Scope) -> StatusList? {
    lists.first { $0.scope == scope }
  }
}
