/// What a verifier knows of the present (SPEC 1.4), in seconds since 1970-01-01T00:00:00Z.
public struct TimeBasis: Equatable, Sendable {
  /// The present isn't earlier than this.
  public private(set) var lowerBound: UInt64
  /// A clock that the platform trusts, if there is one.
  public let trustedClock: UInt64?

  public init(lowerBound: UInt64, trustedClock: UInt64?) {
    self.lowerBound = lowerBound
    self.trustedClock = trustedClock
  }

  /// The latest that is known of the present.
  public var latest: UInt64 {
    max(lowerBound, trustedClock ?? 0)
  }

  /// Takes notice of a signed time, which stands in for a clock where there is none. A trusted clock knows better than
  /// whoever signed.
  public mutating func raise(to time: UInt64) {
    if trustedClock == nil { lowerBound = max(lowerBound, time) }
  }

  public func hasPassed(_ notAfter: UInt64?) -> Bool {
    guard let notAfter else { return false }
    return latest > notAfter
  }

  /// Whether it is certainly too early: only a trusted clock can tell.
  public func isBefore(_ notBefore: UInt64?) -> Bool {
    guard let notBefore, trustedClock != nil else { return false }
    return latest < notBefore
  }
}
