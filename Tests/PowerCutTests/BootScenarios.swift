import DeviceStore
import ErrorClass
import StorageSimulation

@testable import BootChain

/// What happens to boot slots and floors.
enum BootScenario: String, CaseIterable, Sendable {
  case firstInstall = "first install"
  case stageUpdate = "stage update"
  case confirm
  case fallback
  case fallbackFromRot = "fallback from a rotten slot"
  case floorRaise = "floor raise"
  case refresh

  func make() throws -> Scenario {
    switch self {
    case .firstInstall: try Self.firstInstall()
    case .stageUpdate: try Self.stageUpdate()
    case .confirm: try Self.confirm()
    case .fallback: try Self.fallback()
    case .fallbackFromRot: try Self.fallbackFromRot()
    case .floorRaise: try Self.floorRaise()
    case .refresh: try Self.refresh()
    }
  }
}

// MARK: What is done

extension BootScenario {
  private typealias Step = Scenario.Step

  private static let powerOn: Step = { (storage) throws(ErrorClass) in _ = try BootDevice(storage: storage).powerOn() }

  /// The normal world stages an update.
  private static let stage: Step = { (storage) throws(ErrorClass) in
    try install(.new, BootPath.staging, on: storage)
  }

  private static let tryStaged: Step = { (storage) throws(ErrorClass) in
    let device = BootDevice(storage: storage)
    try device.slots.tryStaged(running: .a, try device.state())
  }

  private static let confirmB: Step = { (storage) throws(ErrorClass) in
    try BootDevice(storage: storage).slots.confirm(.b)
  }

  private static let refreshA: Step = { (storage) throws(ErrorClass) in
    let device = BootDevice(storage: storage)
    try device.slots.refresh(from: .b, try device.state())
  }

  private static func install(
    _ set: StageFiles, _ folder: StoragePath, on storage: SimulatedStorage
  ) throws(ErrorClass) {
    for (stage, file) in zip(Stage.allCases, set.files) {
      let path = folder.appending(stage.fileName)
      try storage.replace(path) { (stored) throws(ErrorClass) in try stored.write(file ?? [], at: 0) }
    }
  }

  /// What a device and its firmware do until `wanted` runs, is good, in both slots, and the floors are raised to it.
  private static func live(until wanted: StageFiles) -> Step {
    { (storage) throws(ErrorClass) in
      let device = BootDevice(storage: storage)
      for _ in 0..<12 {
        let boot = try device.powerOn()
        if boot.isTrial {
          if boot.set == wanted { try device.slots.confirm(boot.slot) }
        } else if boot.set != wanted {
          try install(wanted, BootPath.staging, on: storage)
          try device.slots.tryStaged(running: boot.slot, boot.state)
        } else if boot.needsRefresh {
          try device.slots.refresh(from: boot.slot, boot.state)
        } else {
          for stage in Stage.allCases { storage.discard(BootPath.staged(stage)) }
          return
        }
      }
      throw .internal
    }
  }
}

// MARK: What must hold

extension BootScenario {
  /// What is good and what is in the slots, and how high the floors are.
  private static let outcome: @Sendable (SimulatedStorage) -> String = { storage in
    let device = BootDevice(storage: storage)
    let state = device.slots.state
    let floors = (try? device.state())?.floors
    let (good, idle) = (state.good.flatMap(device.contents), device.contents(of: state.idle))
    return
      "good \(good?.name ?? "none"), idle \(idle?.name ?? "none"), on trial \(state.trial.map { "\($0)" } ?? "none"), "
      + "floor \(floors?.firmware ?? 0), staged \(Stage.allCases.filter { storage.content(BootPath.staged($0)) != nil })"
  }

  /// - Parameters:
  ///   - floor: the lowest that the floors may be.
  ///   - sets: what may run.
  private static func problems(
    _ storage: SimulatedStorage, floor: UInt64, sets: [StageFiles], then more: (BootDevice, BootDevice.Boot) -> [String]
  ) -> [String] {
    let device = BootDevice(storage: storage)
    do throws(ErrorClass) {
      var problems: [String] = []
      let before = try device.state().floors
      let boot = try device.powerOn()
      guard let set = boot.set else { return ["starts what was never made"] }
      if !sets.contains(set) { problems.append("starts \(set.name)") }
      let after = try device.state().floors
      if before.firmware < floor { problems.append("the floor fell to \(before.firmware)") }
      if after.firmware < before.firmware { problems.append("the floor fell in a start") }
      // What is whole in a slot is what the device may have to fall back to.
      for slot in Slot.allCases {
        guard let contents = device.contents(of: slot) else { continue }
        do throws(StageRefusal) {
          _ = try device.slots.check(slot, boot.state)
        } catch {
          problems.append("\(contents.name) in slot \(slot.name) is refused: \(error.errorClass)")
        }
      }
      return problems + more(device, boot)
    } catch {
      return ["doesn't start: \(error)"]
    }
  }

  private static func problems(_ storage: SimulatedStorage, floor: UInt64, sets: [StageFiles]) -> [String] {
    problems(storage, floor: floor, sets: sets) { _, _ in [] }
  }
}

// MARK: Scenarios

extension BootScenario {
  static func device(
    a: StageFiles?, b: StageFiles? = nil, floor: UInt64, known: [@Sendable (inout UpdateState) -> Void] = []
  ) throws(ErrorClass) -> SimulatedStorage {
    let storage = SimulatedStorage()
    for folder in ["boot", "boot/a", "update", "fuses"] as [StoragePath] { try storage.makeDirectory(folder) }
    storage.put([], BootDevice.floors)
    a?.put(storage, BootPath.slot(.a))
    b?.put(storage, BootPath.slot(.b))
    if floor > 0 {
      let register = try FloorsRegister(StoredFile(BootDevice.floors, .writing, on: storage))
      try register.raise(to: Floors(loader: floor, decryptor: floor, firmware: floor))
    }
    var state = UpdateState()
    for change in known {
      state.assumeGood(.a)
      change(&state)
      try ControlFiles(BootPath.control, on: storage).write(state)
    }
    return storage.surviving(.everything)
  }

  /// What is written down while an update becomes the good set.
  static let updated: [@Sendable (inout UpdateState) -> Void] = [
    { $0.install(.b, version: [2, 0, 0]) }, { $0.confirm() }, { $0.makePermanent() },
  ]

  private static func trial() throws(ErrorClass) -> SimulatedStorage {
    let storage = try device(a: .old, floor: 3, known: [{ _ in }])
    try stage(storage)
    try tryStaged(storage)
    return storage.surviving(.everything)
  }

  private static func firstInstall() throws -> Scenario {
    let fill: Step = { (storage) throws(ErrorClass) in try install(.new, BootPath.slot(.a), on: storage) }
    return Scenario(
      base: try device(a: nil, floor: 0), steps: [fill, powerOn],
      problems: { storage, done in
        // Until the factory is done there is nothing that could start.
        if done == 0, BootDevice(storage: storage).contents(of: .a) == nil { return [] }
        return problems(storage, floor: 0, sets: [.new])
      },
      finish: { (storage) throws(ErrorClass) in
        try fill(storage)
        try live(until: .new)(storage)
      }, outcome: outcome)
  }

  private static func stageUpdate() throws -> Scenario {
    Scenario(
      base: try device(a: .old, floor: 3, known: [{ _ in }]),
      steps: [stage, tryStaged, powerOn, confirmB, powerOn, refreshA, powerOn],
      problems: { storage, done in
        problems(storage, floor: done < 7 ? 3 : 4, sets: done < 2 ? [.old, .new] : [.new]) { _, boot in
          // Confirmed is confirmed.
          done >= 4 && boot.isTrial ? ["is on trial again"] : []
        }
      }, finish: live(until: .new), outcome: outcome)
  }

  private static func confirm() throws -> Scenario {
    Scenario(
      base: try trial(), steps: [powerOn, confirmB, powerOn],
      problems: { storage, done in
        problems(storage, floor: 3, sets: [.new]) { _, boot in done >= 2 && boot.isTrial ? ["is on trial again"] : [] }
      }, finish: live(until: .new), outcome: outcome)
  }

  /// A trial that never confirms.
  private static func fallback() throws -> Scenario {
    let powerOn: Step = { (storage) throws(ErrorClass) in
      let device = BootDevice(storage: storage)
      let boot = try device.powerOn()
      if boot.isTrial { try device.slots.note(.ended, boot.slot, detail: 1) }
    }
    return Scenario(
      base: try trial(), steps: [powerOn, powerOn, powerOn, powerOn],
      problems: { storage, done in
        problems(storage, floor: 3, sets: done < 3 ? [.old, .new] : [.old]) { device, boot in
          // How often it is started from here on.
          var starts = boot.isTrial ? 1 : 0
          var last = boot
          for _ in 0..<4 {
            guard let next = try? device.powerOn() else { return ["doesn't start again"] }
            if next.isTrial { starts += 1 }
            last = next
          }
          return (starts > 3 - min(done, 3) ? ["the trial is started \(done + starts) times"] : [])
            + (last.isTrial || last.set != .old ? ["isn't back"] : [])
        }
      },
      finish: { (storage) throws(ErrorClass) in
        for _ in 0..<8 {
          if try !BootDevice(storage: storage).powerOn().isTrial { return }
        }
        throw .internal
      }, outcome: outcome)
  }

  private static func fallbackFromRot() throws -> Scenario {
    let base = try device(a: .new, b: .new, floor: 4, known: updated)
    base.flip(bit: 20_000, of: BootPath.package(.decryptor, in: .b))
    return Scenario(
      base: base, steps: [powerOn, powerOn],
      problems: { storage, _ in
        problems(storage, floor: 4, sets: [.new]) { _, boot in boot.slot == .b ? ["starts a rotten slot"] : [] }
      }, finish: live(until: .new), outcome: outcome)
  }

  private static func floorRaise() throws -> Scenario {
    Scenario(
      base: try device(a: .new, b: .new, floor: 3, known: updated), steps: [powerOn],
      problems: { storage, done in problems(storage, floor: done < 1 ? 3 : 4, sets: [.new]) },
      finish: live(until: .new), outcome: outcome)
  }

  private static func refresh() throws -> Scenario {
    Scenario(
      base: try device(a: .old, b: .new, floor: 3, known: updated), steps: [powerOn, refreshA, powerOn],
      problems: { storage, done in problems(storage, floor: done < 3 ? 3 : 4, sets: [.new]) },
      finish: live(until: .new), outcome: outcome)
  }
}
