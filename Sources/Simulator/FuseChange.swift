public import BootChain
import ErrorClass
import HostSupport
public import HuskFormat

/// What is to be blown into a device's fuses. Like real ones they only go one way; the life cycle alone may change
/// freely, which is what a simulator is for.
public struct FuseChange: Sendable {
  public var lifecycle: Lifecycle?
  public var floors: [(stage: Stage, floor: UInt64)] = []
  public var keyEpoch: UInt64?
  /// Root slots.
  public var revoked: [Int] = []
  /// Seconds since 1970.
  public var buildTime: UInt64?

  public init() {}

  /// Whether nothing is to change.
  public var isEmpty: Bool {
    lifecycle == nil && floors.isEmpty && keyEpoch == nil && revoked.isEmpty && buildTime == nil
  }

  /// The fuses after the change.
  func applied(to state: BootState) throws(SimulatorError) -> BootState {
    var state = state
    if let lifecycle { state.lifecycle = lifecycle }
    for (stage, floor) in floors {
      guard floor >= state.floors[stage] else { throw .fuseChange(.floorGoesDown(stage.role)) }
      state.floors.raise(stage, to: floor)
    }
    if let keyEpoch {
      guard keyEpoch >= state.keyEpoch else { throw .fuseChange(.keyEpochGoesDown) }
      state.keyEpoch = keyEpoch
    }
    if let buildTime {
      guard buildTime >= state.time else { throw .fuseChange(.buildTimeGoesBack) }
      state.time = buildTime
    }
    state.bootRoots = try state.bootRoots.revoking(revoked)
    return state
  }
}

extension DeviceDirectory {
  /// Changes the fuses in one step: a device that is cut off meanwhile has the old ones.
  public func blow(_ change: FuseChange) throws(SimulatorError) {
    let old: Fuses
    do throws(ErrorClass) {
      old = try Fuses(path: fuses)
    } catch {
      throw .fuses(path: fuses, error)
    }
    let state = try change.applied(to: old.state)
    do throws(FileError) {
      try Self.writeFuses(state, uds: old.uds, to: fuses, replaces: .anyFile)
    } catch {
      throw .file(error)
    }
  }
}

extension Floors {
  mutating func raise(_ stage: Stage, to floor: UInt64) {
    switch stage {
    case .bootloader: loader = floor
    case .decryptor: decryptor = floor
    case .firmware: firmware = floor
    }
  }
}

extension TrustAnchors {
  func revoking(_ slots: [Int]) throws(SimulatorError) -> TrustAnchors {
    var bits = revoked
    for slot in slots {
      guard thumbprints.indices.contains(slot) else { throw .fuseChange(.noSuchRootSlot(slot)) }
      bits |= 1 << UInt8(slot)
    }
    let all = UInt8(1 << thumbprints.count - 1)
    guard bits & all != all else { throw .fuseChange(.lastRoot) }
    return TrustAnchors(thumbprints: thumbprints, revoked: bits)
  }
}
