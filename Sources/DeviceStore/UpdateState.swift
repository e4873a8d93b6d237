/// One of two places for the same thing, such as a set of boot stages or a module (SPEC 7.10).
public enum Slot: UInt8, CaseIterable, Sendable {
  case a = 0
  case b = 1

  public var other: Slot { self == .a ? .b : .a }

  /// As it is called in paths and by people.
  public var name: StaticString { self == .a ? "a" : "b" }
}

/// What is known of two slots: which one is good, which one is on trial, and what happened (SPEC 7.10).
public struct UpdateState: Equatable, Sendable {
  /// The number of the latest start that was noted.
  public internal(set) var run: UInt64 = 0
  /// The slot that was confirmed last.
  public internal(set) var good: Slot?
  public internal(set) var trial: Trial?
  /// The latest events, in order.
  public internal(set) var history: [UpdateEvent] = []

  /// A slot that isn't good yet.
  public struct Trial: Equatable, Sendable {
    public let slot: Slot
    /// How many starts it has left.
    public var triesLeft: UInt8
    /// Whether it said that it is healthy.
    public var isConfirmed: Bool

    public init(_ slot: Slot, triesLeft: UInt8 = UpdateState.tries, isConfirmed: Bool = false) {
      self.slot = slot
      self.triesLeft = triesLeft
      self.isConfirmed = isConfirmed
    }
  }

  /// How often a trial is started at most.
  public static let tries: UInt8 = 3
  /// How many events are kept.
  public static let historyLength = 16

  /// A new device's.
  public init() {}

  /// For what no record is read from.
  init(run: UInt64, good: Slot?, trial: Trial?, history: [UpdateEvent]) {
    self.run = run
    self.good = good
    self.trial = trial
    self.history = history
  }

  /// The slot that an update may be written to: the one that isn't good, and with nothing known, b.
  public var idle: Slot { good?.other ?? .b }

  // MARK: What happens to it

  /// Tells which slot is good, where nothing is known of that yet: what an update is to fall back to.
  public mutating func assumeGood(_ slot: Slot) {
    if good == nil { good = slot }
  }

  /// A slot was filled: it is on trial from the next start on.
  ///
  /// - Parameter version: major, minor, patch of what is in it, where that is known.
  public mutating func install(_ slot: Slot, version: [UInt32]?) {
    trial = Trial(slot)
    note(.installed, slot, version: version)
  }

  /// The slot on trial says that it is healthy.
  public mutating func confirm(version: [UInt32]? = nil) {
    guard let slot = trial?.slot, trial?.isConfirmed == false else { return }
    trial?.isConfirmed = true
    note(.confirmed, slot, version: version)
  }

  /// What was confirmed is the good one from now on.
  @inline(never)
  public mutating func makePermanent(version: [UInt32]? = nil) {
    guard let slot = trial?.slot else { return }
    good = slot
    trial = nil
    note(.permanent, slot, version: version)
  }

  /// The trial is over.
  @inline(never)
  public mutating func abandon(version: [UInt32]? = nil) {
    guard let slot = trial?.slot else { return }
    trial = nil
    note(.abandoned, slot, version: version)
  }

  /// Notes an event of the present run.
  ///
  /// - Parameter version: of what the slot holds; if it isn't given, what the latest event of that slot says.
  @inline(never)
  public mutating func note(_ kind: UpdateEvent.Kind, _ slot: Slot, detail: UInt64 = 0, version: [UInt32]? = nil) {
    let fills = kind == .installed || kind == .refreshed
    let version = version ?? (fills ? nil : history.last { $0.slot == slot }?.version)
    history.append(UpdateEvent(run: run, kind: kind, slot: slot, detail: detail, version: version))
    if history.count > Self.historyLength { history.removeFirst(history.count - Self.historyLength) }
  }
}

/// Something that happened to a slot (SPEC 7.10).
public struct UpdateEvent: Equatable, Sendable {
  /// The raw values are those of SPEC 7.10.
  public enum Kind: UInt64, CaseIterable, Sendable {
    case installed = 0
    case tried = 1
    case ended = 2
    case timedOut = 3
    case refused = 4
    case confirmed = 5
    case permanent = 6
    case abandoned = 7
    case fellBack = 8
    case selfTestFailed = 9
    case refreshed = 10

    /// As SPEC 7.10 calls it, such as `timed-out`.
    public var name: StaticString {
      switch self {
      case .installed: "installed"
      case .tried: "tried"
      case .ended: "ended"
      case .timedOut: "timed-out"
      case .refused: "refused"
      case .confirmed: "confirmed"
      case .permanent: "permanent"
      case .abandoned: "abandoned"
      case .fellBack: "fell-back"
      case .selfTestFailed: "self-test-failed"
      case .refreshed: "refreshed"
      }
    }
  }

  public let run: UInt64
  public let kind: Kind
  public let slot: Slot
  /// What it says depends on the kind.
  public let detail: UInt64
  /// Major, minor, patch of what the slot held, where that is known.
  public let version: [UInt32]?

  public init(run: UInt64, kind: Kind, slot: Slot, detail: UInt64 = 0, version: [UInt32]? = nil) {
    self.run = run
    self.kind = kind
    self.slot = slot
    self.detail = detail
    self.version = version
  }
}
