import DeviceStore
import ErrorClass
import HuskFormat
import SecureStorage
import StorageSimulation
import TestSupport
import Testing

/// What goes wrong with modules, grants, status lists and the secure storage but for the power (SPEC 7.9).
@Suite("Faults of what modules are kept in")
struct ModuleFaultTests {
  private func text(_ path: StoragePath) -> String { String(decoding: path.bytes, as: UTF8.self) }

  /// The version that loads, and the class if none does.
  private func load(_ storage: SimulatedStorage) -> (release: Release?, refusal: ErrorClass?) {
    do throws(ErrorClass) {
      let device = try ModuleDevice(storage)
      try device.start()
      return (try device.load().release, nil)
    } catch {
      return (nil, error)
    }
  }

  private func receive(_ file: [UInt8], on storage: SimulatedStorage) -> ErrorClass? {
    do throws(ErrorClass) {
      try ModuleDevice(storage).receive(file)
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "a bit that rots in any file while a version is on trial: the former one loads, or the new one, or what is wrong is told"
  )
  func rot() throws {
    let seed: UInt64 = 37
    var generator = SeededGenerator(seed: seed)
    let base = try ModuleScenario.trial()
    let codec = "modules/com.acme.codec/"
    for path in base.paths where base.content(path)?.isEmpty == false {
      for _ in 0..<8 {
        let storage = base.restarted()
        let bit = Int.random(in: 0..<8 * (base.content(path)?.count ?? 1), using: &generator)
        storage.flip(bit: bit, of: path)
        let (release, refusal) = load(storage)
        let context =
          "seed \(seed), bit \(bit) of \(text(path)): \(release?.version ?? []), \(refusal.map { "\($0)" } ?? "")"
        // Each file has its own way to be good for nothing, and the others go on.
        switch text(path) {
        case codec + "0.husk", codec + "1.husk":
          #expect(release == (base.content(path) == Release.new.package ? .old : .new), "\(context)")
        case "grants/com.acme.codec/8.grant": #expect(release == .old, "\(context)")
        case "grants/com.acme.codec/7.grant": #expect(release == .new, "\(context)")
        default: #expect(release != nil, "\(context)")
        }
      }
    }
  }

  @Test("a rotten package or grant of the only version is told by its class, and comes right with a new one")
  func rotOfTheOnlyVersion() throws {
    let base = try ModuleScenario.installed()
    for path in base.paths where text(path).hasPrefix("modules/com.acme.codec/1") || text(path).hasPrefix("grants/") {
      let storage = base.restarted()
      storage.flip(bit: 8 * (base.content(path)?.count ?? 0) - 1, of: path)
      let (release, refusal) = load(storage)
      #expect(release == nil, "\(text(path))")
      #expect(refusal == (text(path).hasPrefix("grants/") ? .signatureInvalid : .digestMismatch), "\(text(path))")
      #expect(receive(Release.old.grant, on: storage) == nil)
      #expect(receive(Release.new.grant, on: storage) == nil)
      #expect(receive(Release.new.package, on: storage) == nil)
      #expect(load(storage).release == .new)
    }
  }

  @Test("a secure storage that is lost is noticed: the device is another one to grants from then on, and goes on")
  func lostSecureStorage() throws {
    let storage = try ModuleScenario.installed()
    for file in SecureWorld.Medium.files where storage.content(file)?.isEmpty == false {
      storage.flip(bit: 5000, of: file)
    }
    let state = try ModuleDevice(storage).secureWorld.state
    #expect(state.generation > 0)
    #expect(try ModuleDevice(storage).secureWorld.state.generation == state.generation)
  }

  @Test("storage that takes no writes loads what is good, no trial, and tells read-only to whoever installs")
  func readOnly() throws {
    let storage = try ModuleScenario.trial()
    storage.makeReadOnly()
    #expect(load(storage).release == .old)
    #expect(receive(Release.new.package, on: storage) == .readOnly)
    storage.repair()
    #expect(load(storage).release == .new)
  }

  @Test("what doesn't fit is refused as no-space before it is written, or leaves what was good")
  func noSpace() throws {
    let base = try ModuleScenario.installed()
    for room in [0, 1, 4000, 16_000, 20_000, 50_000, 80_000, 90_000] {
      let storage = base.restarted()
      storage.fill(leaving: room)
      let outcome = receive(Release.new.grant, on: storage) ?? receive(Release.new.package, on: storage)
      if let outcome { #expect(outcome == .noSpace, "\(room)") }
      let loaded = load(storage)
      #expect(loaded.release == .old || (outcome == nil && loaded.release == .new), "\(room): \(loaded)")
      storage.repair()
      #expect(receive(Release.new.grant, on: storage) == nil)
      #expect(receive(Release.new.package, on: storage) == nil)
      #expect(load(storage).release == .new)
    }
  }

  @Test("files that can't be read or written leave what was good, and io or a nearer class says so")
  func failing() throws {
    let base = try ModuleScenario.trial()
    for path in base.paths where !path.bytes.starts(with: "fuses".utf8) && !path.bytes.starts(with: "storage".utf8) {
      for access in [Access.opening, .reading, .writing, .synchronizing] {
        let storage = base.restarted()
        try storage.damage(path, access)
        let loaded = load(storage)
        #expect(loaded.release != nil, "\(text(path)), \(access): \(loaded)")
        storage.repair()
        #expect(load(storage).release != nil)
      }
    }
  }
}
