/// When something is done to a vault, and by whom: what its events tell (SPEC 14.5).
public struct Occasion: Equatable, Sendable {
  /// The host's clock, seconds since 1970.
  public var now: UInt64
  /// A person, as people there know them.
  public var who: String

  public init(now: UInt64, who: String) {
    self.now = now
    self.who = who
  }
}
