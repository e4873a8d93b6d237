public import DeviceStore
public import ErrorClass
import HuskFormat

/// The two slots of boot stages (SPEC 7.11): what is in them, and which one starts.
public struct BootSlots<Medium: Storage & Sendable>: Sendable {
  let storage: Medium
  let control: ControlFiles<Medium>

  /// - Parameter storage: the flash directory.
  public init(on storage: Medium) {
    self.storage = storage
    control = ControlFiles(BootPath.control, on: storage)
  }

  /// What is known of the slots.
  public var state: UpdateState { control.read() }

  /// V of SPEC 7.11: whether everything that a slot holds may boot, and is whole.
  ///
  /// - Parameter stages: those that count, in the order in which they start.
  public func check(
    _ slot: Slot, _ state: BootState, _ stages: [Stage] = Stage.allCases
  ) throws(StageRefusal) -> StageSet {
    try check(stages.map { ($0, BootPath.package($0, in: slot)) }, state)
  }

  /// The same for packages at these places.
  func check(_ places: [(Stage, StoragePath)], _ state: BootState) throws(StageRefusal) -> StageSet {
    var state = state
    var manifests: [Verified<Manifest>] = []
    for (stage, path) in places {
      do throws(ErrorClass) {
        let package = try StagePackage(stage, at: path, on: storage)
        let manifest = try package.decide(state)
        try package.readPayload(manifest) { _, _ in }
        guard try package.decide(state) == manifest else { throw .internal }
        // As the stages that start do (SPEC 1.4).
        state.time = max(state.time, manifest.issuedAt)
        manifests.append(manifest)
      } catch {
        throw StageRefusal(stage, error)
      }
    }
    return StageSet(manifests)
  }
}

// MARK: Choosing

/// What starts, and what there is to say of it.
public struct BootDecision<Medium: Storage & Sendable> {
  public let slot: Slot
  public let isTrial: Bool
  /// What is known of the slots before anything starts.
  public let state: UpdateState
  /// Why that couldn't be written down.
  public let failure: ErrorClass?
  /// A slot whose trial is over because it used up its tries.
  public let neverConfirmed: Slot?
  /// Whether nothing was known of the slots: at the factory only one is filled.
  public let isFirst: Bool
  fileprivate var checks: SlotChecks<Medium>

  /// What was found of a slot that isn't started; nil if it wasn't looked at, or passed.
  public func refusal(_ slot: Slot) -> StageRefusal? {
    if case .failure(let refusal)? = checks.known(slot) { return refusal }
    return nil
  }
}

extension BootSlots {
  /// Chooses what the ROM starts, and notes it (SPEC 7.10). Throws what is wrong with the good slot if neither can start.
  public func choose(_ state: BootState) throws(StageRefusal) -> BootDecision<Medium> {
    let former = self.state
    var checks = SlotChecks(self, state, Stage.allCases)
    let (choice, next, failure) = control.choose { checks.check($0) }
    let isUsedUp = former.trial.map { !$0.isConfirmed && $0.triesLeft == 0 } ?? false
    func decision(_ slot: Slot, isTrial: Bool) -> BootDecision<Medium> {
      BootDecision(
        slot: slot, isTrial: isTrial, state: next, failure: failure,
        neverConfirmed: isUsedUp ? former.trial?.slot : nil, isFirst: former.good == nil && former.trial == nil,
        checks: checks)
    }
    switch choice {
    case .trial(let slot): return decision(slot, isTrial: true)
    case .good(let slot): return decision(slot, isTrial: false)
    case .nothing(let errorClass): throw checks.known(next.good ?? .a, or: errorClass)
    }
  }

  /// The slot whose secure world starts where there is no firmware to confirm anything: never a trial. Nothing is written.
  public func chooseSecureWorld(_ state: BootState) throws(StageRefusal) -> Slot {
    var known = self.state
    if known.trial?.isConfirmed == true { known.makePermanent() } else { known.abandon() }
    var checks = SlotChecks(self, state, [.bootloader, .decryptor])
    switch known.choosing({ checks.check($0) }).choice {
    case .good(let slot): return slot
    // With no control files and two sets the table asks for a trial, with the other to fall back to.
    case .trial(let slot): return slot.other
    case .nothing(let errorClass): throw checks.known(known.good ?? .a, or: errorClass)
    }
  }
}

/// Checks each slot at most once.
struct SlotChecks<Medium: Storage & Sendable> {
  private let slots: BootSlots<Medium>
  private let state: BootState
  private let stages: [Stage]
  private var a: Result<StageSet, StageRefusal>?
  private var b: Result<StageSet, StageRefusal>?

  init(_ slots: BootSlots<Medium>, _ state: BootState, _ stages: [Stage]) {
    self.slots = slots
    self.state = state
    self.stages = stages
  }

  func known(_ slot: Slot) -> Result<StageSet, StageRefusal>? {
    slot == .a ? a : b
  }

  mutating func result(_ slot: Slot) -> Result<StageSet, StageRefusal> {
    if let result = known(slot) { return result }
    let result: Result<StageSet, StageRefusal>
    do throws(StageRefusal) {
      result = .success(try slots.check(slot, state, stages))
    } catch {
      result = .failure(error)
    }
    if slot == .a { a = result } else { b = result }
    return result
  }

  mutating func check(_ slot: Slot) -> SlotCheck {
    switch result(slot) {
    case .success(let set): .passes(version: set.version)
    case .failure(let refusal): .fails(refusal.errorClass)
    }
  }

  /// What was found wrong with a slot.
  func known(_ slot: Slot, or errorClass: ErrorClass) -> StageRefusal {
    if case .failure(let refusal)? = known(slot) { return refusal }
    return StageRefusal(.bootloader, errorClass)
  }
}

// MARK: Floors

extension BootSlots {
  /// What the ROM does where no trial remains (SPEC 7.11, *Floors*).
  ///
  /// - Returns: what floors can be raised to without losing what the device may have to fall back to, and whether the idle
  ///   slot is to be made a copy of the good one.
  public func floors(
    after decision: inout BootDecision<Medium>, _ state: BootState
  ) -> (floors: Floors, needsRefresh: Bool) {
    // A state that couldn't be written may still hold a trial.
    guard !decision.isTrial, decision.state.trial == nil, decision.failure == nil,
      case .success(let good) = decision.checks.result(decision.slot)
    else { return (state.floors, false) }
    let idle = decision.slot.other
    var wanted = state.floors
    wanted.raise(to: good.securityVersions)
    // Where nothing is to be raised the idle set isn't read through at every start.
    guard wanted != state.floors else { return (state.floors, !isComplete(idle)) }
    guard case .success(let other) = decision.checks.result(idle) else { return (state.floors, true) }
    var floors = state.floors
    floors.raise(to: good.securityVersions.lower(other.securityVersions))
    return (floors, floors != wanted)
  }

  private func isComplete(_ slot: Slot) -> Bool {
    Stage.allCases.allSatisfy { storage.exists(BootPath.package($0, in: slot)) }
  }
}
