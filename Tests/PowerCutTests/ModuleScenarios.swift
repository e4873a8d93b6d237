import DeviceStore
import ErrorClass
import FormatFixtures
import HuskFormat
import SecureStorage
import StorageSimulation

/// What happens to modules, status lists and the secure storage.
enum ModuleScenario: String, CaseIterable, Sendable {
  case firstInstall = "first install of a module"
  case moduleUpdate = "module update"
  case confirm = "confirm of a module"
  case fallback = "fallback of a module"
  case statusList = "status-list update"
  case cleanUp = "clean-up"
  case interruptedResume = "interrupted resume"

  func make() throws -> Scenario {
    switch self {
    case .firstInstall: try Self.firstInstall()
    case .moduleUpdate: try Self.moduleUpdate()
    case .confirm: try Self.confirm()
    case .fallback: try Self.fallback()
    case .statusList: try Self.statusList()
    case .cleanUp: try Self.cleanUp()
    case .interruptedResume: try Self.interruptedResume()
    }
  }
}

// MARK: What is done

extension ModuleScenario {
  private typealias Step = Scenario.Step

  /// Has a firmware do something from its start on.
  private static func session(
    _ body: @escaping @Sendable (ModuleDevice) throws(ErrorClass) -> Void
  ) -> Step {
    { (storage) throws(ErrorClass) in try body(try ModuleDevice(storage)) }
  }

  /// What a firmware does until `wanted` is good, and the floor is raised to it.
  private static func live(until wanted: Release) -> Step {
    session { (device) throws(ErrorClass) in
      try device.start()
      for _ in 0..<8 {
        var loaded: ModuleDevice.Loaded?
        do throws(ErrorClass) {
          loaded = try device.load()
        } catch {
          guard error == .notFound, !device.storage.isDead else { throw error }
        }
        if let loaded, loaded.release == wanted {
          guard let trial = loaded.trial else { return device.store.cleanUp() }
          try device.store.confirm(ModuleDevice.codec, trial)
        } else {
          try device.install(wanted)
        }
      }
      throw .internal
    }
  }
}

// MARK: What must hold

extension ModuleScenario {
  private static let outcome: @Sendable (SimulatedStorage) -> String = { storage in
    guard let device = try? ModuleDevice(storage) else { return "nothing" }
    let state = device.store.state(of: ModuleDevice.codec)
    let memory = device.secureWorld.state
    let packages = storage.paths.map { String(decoding: $0.bytes, as: UTF8.self) }
      .filter { !$0.contains("/control/") }
    return "trial \(state.trial.map { "\($0)" } ?? "none"), "
      + "good \(state.good.map { device.release(in: $0)?.version ?? [] } ?? []), "
      + "floor \(memory.floor(of: testName("com.acme.codec"))), generation \(memory.generation), "
      + "lists \(memory.statusMarks.map(\.number)), "
      // Which of the two slots it is depends on what was cut off.
      + "files \(packages.map { $0.replacing("/0.husk", with: "/N.husk").replacing("/1.husk", with: "/N.husk") })"
  }

  /// - Parameters:
  ///   - floor: the lowest that the module's floor may be.
  ///   - releases: what may run; none if nothing need to.
  private static func problems(
    _ storage: SimulatedStorage, floor: UInt64, releases: [Release], mayBeMissing: Bool = false, list: UInt64 = 0
  ) -> [String] {
    do throws(ErrorClass) {
      let device = try ModuleDevice(storage)
      var problems: [String] = []
      let before = device.secureWorld.state
      let codec = testName("com.acme.codec")
      if before.generation != 0 { problems.append("the secure storage was lost") }
      if before.floor(of: codec) < floor { problems.append("the floor fell to \(before.floor(of: codec))") }
      if before.statusMarks.first?.number ?? 0 < list { problems.append("the status list was forgotten") }
      try device.start()
      do throws(ErrorClass) {
        let loaded = try device.load()
        if !releases.contains(loaded.release) { problems.append("loads \(loaded.release.version)") }
        let after = device.secureWorld.state
        if after.floor(of: codec) < before.floor(of: codec) { problems.append("the floor fell in a load") }
        if let good = device.store.state(of: ModuleDevice.codec).good, let release = device.release(in: good),
          release.securityVersion < after.floor(of: codec)
        {
          problems.append("the floor is above what there is to fall back to")
        }
      } catch {
        if !mayBeMissing || error != .notFound { problems.append("doesn't load: \(error)") }
      }
      return problems
    } catch {
      return ["doesn't start: \(error)"]
    }
  }
}

extension ModuleDevice {
  /// Which release a slot holds, byte by byte.
  func release(in slot: Slot) -> Release? {
    let file = storage.content(StorePaths.package(Self.codec, slot))
    return Release.all.first { $0.package == file }
  }
}

// MARK: Scenarios

extension ModuleScenario {
  private static func empty() throws(ErrorClass) -> SimulatedStorage {
    let storage = SimulatedStorage()
    for folder in ["modules", "grants", "status", "update", "storage", "fuses"] as [StoragePath] {
      try storage.makeDirectory(folder)
    }
    for file in SecureWorld.Medium.files + [SecureWorld.Medium.counter] { storage.put([], file) }
    return storage.surviving(.everything)
  }

  /// The old release is good, and has been loaded.
  static func installed() throws(ErrorClass) -> SimulatedStorage {
    let storage = try empty()
    try live(until: .old)(storage)
    return storage.surviving(.everything)
  }

  private static func firstInstall() throws -> Scenario {
    Scenario(
      base: try empty(),
      run: { (storage, done) throws(ErrorClass) in
        let device = try ModuleDevice(storage)
        try device.receive(Release.new.grant)
        done()
        try device.receive(Release.new.package)
        done()
        try device.tryAndConfirm()
        done()
        _ = try device.load()
        done()
      },
      problems: { storage, done in
        problems(storage, floor: done < 4 ? 0 : 5, releases: [.new], mayBeMissing: done < 2)
      }, finish: live(until: .new), outcome: outcome)
  }

  private static func moduleUpdate() throws -> Scenario {
    Scenario(
      base: try installed(),
      run: { (storage, done) throws(ErrorClass) in
        let device = try ModuleDevice(storage)
        try device.start()
        try device.receive(Release.new.package)
        done()
        try device.receive(Release.new.grant)
        done()
        try device.tryAndConfirm()
        done()
        _ = try device.load()
        done()
      },
      problems: { storage, done in
        problems(storage, floor: done < 4 ? 4 : 5, releases: done < 2 ? [.old, .new] : [.new])
      }, finish: live(until: .new), outcome: outcome)
  }

  /// The new release is on trial.
  static func trial() throws(ErrorClass) -> SimulatedStorage {
    let base = try installed()
    try ModuleDevice(base).receive(Release.new.grant)
    try ModuleDevice(base).receive(Release.new.package)
    return base.surviving(.everything)
  }

  private static func confirm() throws -> Scenario {
    Scenario(
      base: try trial(), steps: [session { (device) throws(ErrorClass) in try device.tryAndConfirm() }],
      problems: { storage, done in problems(storage, floor: 4, releases: [.new]) },
      finish: live(until: .new), outcome: outcome)
  }

  /// The new release never passes the firmware's test.
  private static func fallback() throws -> Scenario {
    let loadOld = session { (device) throws(ErrorClass) in
      try device.start()
      guard try device.load(failing: .new).release == .old else { throw .internal }
      device.store.cleanUp()
    }
    return Scenario(
      base: try trial(), steps: [loadOld],
      problems: { storage, done in
        problems(storage, floor: 4, releases: done < 1 ? [.old, .new] : [.old])
      }, finish: loadOld, outcome: outcome)
  }

  private static func statusList() throws -> Scenario {
    func list(_ number: UInt64) throws -> [UInt8] {
      var list = StatusListFixture()
      list.list = StatusList(scope: testScope("com.acme."), number: number, issuedAt: Moment.issued)
      return try list.file()
    }
    let next = try list(2)
    let receive = session { (device) throws(ErrorClass) in
      try device.start()
      try device.receive(next)
    }
    let base = try installed()
    try ModuleDevice(base).receive(try list(1))
    return Scenario(
      base: base.surviving(.everything), steps: [receive],
      problems: { storage, done in
        problems(storage, floor: 4, releases: [.old], list: done < 1 ? 1 : 2)
          + (storage.content("status/com.acme..status") == nil ? ["the list is gone"] : [])
      }, finish: receive, outcome: outcome)
  }

  private static func cleanUp() throws -> Scenario {
    let base = try installed()
    // What cuts and crashes of all kinds may have left.
    for path in [
      "modules/.front", "modules/com.acme.codec/.0.husk", "modules/com.acme.codec/0.husk",
      "modules/com.acme.codec/1.husk", "grants/com.acme.codec/.7.grant", "status/.list", "update/.other",
      "modules/com.acme.gone/.0.husk",
    ] as [StoragePath] where base.content(path) == nil {
      base.put(testBytes(5000), path)
    }
    let start = session { (device) throws(ErrorClass) in
      try device.start()
      _ = try device.load()
    }
    return Scenario(
      base: base.surviving(.everything), steps: [start],
      problems: { storage, _ in problems(storage, floor: 4, releases: [.old]) }, finish: start, outcome: outcome)
  }

  private static func interruptedResume() throws -> Scenario {
    let base = try installed()
    try ModuleDevice(base).receive(Release.new.grant)
    let half = Release.new.package.count - 90
    return Scenario(
      base: base.surviving(.everything),
      run: { (storage, done) throws(ErrorClass) in
        try ModuleDevice(storage).receive(Release.new.package, upTo: half)
        done()
        let device = try ModuleDevice(storage)
        try device.start()
        try device.receive(Release.new.package, resuming: true)
        done()
        _ = try device.load()
        done()
      },
      problems: { storage, done in
        problems(storage, floor: 4, releases: done < 2 ? [.old, .new] : [.new])
      }, finish: live(until: .new), outcome: outcome)
  }
}
