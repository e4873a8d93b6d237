/// Whether a protection is in force: what was tried or measured, never what a version number promises (SPEC 15.5).
public enum ProtectionState: UInt64, Sendable {
  case inactive = 0
  case active = 1
  /// It can't be told; never to be taken for ``active``. The detail is an ``UnknownReason``.
  case unknown = 2

  /// `inactive`, `active` or `unknown`.
  public var name: StaticString {
    switch self {
    case .inactive: "inactive"
    case .active: "active"
    case .unknown: "unknown"
    }
  }
}

/// Why it can't be told whether a protection is in force (SPEC 15.5).
public enum UnknownReason: UInt64, Error, CaseIterable, Sendable {
  /// Nobody has tried it, or whoever could tell wasn't asked.
  case notTried = 0
  /// The file that tells isn't there: `/proc`, `/sys` or securityfs isn't mounted.
  case noSource = 1
  /// It takes privileges that this process doesn't have.
  case noPermission = 2
  /// What tells can't be read, or says what isn't understood.
  case unreadable = 3
  /// Nothing on a running system tells.
  case notVisible = 4

  /// In a few English words.
  public var text: StaticString {
    switch self {
    case .notTried: "not tried"
    case .noSource: "/proc, /sys or securityfs isn't mounted"
    case .noPermission: "needs root to tell"
    case .unreadable: "what the kernel says isn't understood"
    case .notVisible: "a running system doesn't show it"
    }
  }
}

/// What was found of one protection.
public struct ProtectionFact: Equatable, Sendable {
  /// The number in SPEC 15.5; a newer decryptor may report protections that ``Protection`` doesn't know.
  public let number: UInt64
  public let state: ProtectionState
  /// More about the state, as SPEC 15.5 says for each protection; 0 if there is nothing to say.
  public let detail: UInt64

  public init(number: UInt64, state: ProtectionState, detail: UInt64 = 0) {
    self.number = number
    self.state = state
    self.detail = detail
  }

  public init(_ protection: Protection, _ state: ProtectionState, detail: UInt64 = 0) {
    self.init(number: protection.number, state: state, detail: detail)
  }

  public init(_ protection: Protection, unknown reason: UnknownReason) {
    self.init(protection, .unknown, detail: reason.rawValue)
  }

  /// Nil for one that this version doesn't know.
  public var protection: Protection? { Protection(rawValue: number) }
}
