import DeviceStore
import ErrorClass
import StorageSimulation
import TestSupport
import Testing

@testable import BootChain

/// What goes wrong with boot slots and fuses but for the power (SPEC 7.9).
@Suite("Faults of what a device boots from")
struct BootFaultTests {
  /// The new set in slot b is good; slot a holds the old one, or the new one too.
  private func device(idle: StageFiles = .old) throws -> SimulatedStorage {
    try BootScenario.device(a: idle, b: .new, floor: 3, known: BootScenario.updated)
  }

  private func trial() throws -> SimulatedStorage {
    let storage = try BootScenario.device(a: .old, floor: 3, known: [{ _ in }])
    StageFiles.new.put(storage, BootPath.staging)
    let device = BootDevice(storage: storage)
    try device.slots.tryStaged(running: .a, try device.state())
    return storage.surviving(.everything)
  }

  private func staged() throws -> SimulatedStorage {
    let storage = try BootScenario.device(a: .old, b: .old, floor: 3, known: [{ _ in }])
    StageFiles.new.put(storage, BootPath.staging)
    return storage
  }

  private func tryStaged(_ storage: SimulatedStorage) -> ErrorClass? {
    let device = BootDevice(storage: storage)
    do throws(ErrorClass) {
      try device.slots.tryStaged(running: .a, try device.state())
      return nil
    } catch {
      return error
    }
  }

  @Test("a bit that rots in any file never stops a device, which starts what is still good, and says what isn't")
  func rot() throws {
    let seed: UInt64 = 31
    var generator = SeededGenerator(seed: seed)
    let base = try device()
    for path in base.paths {
      let size = base.content(path)?.count ?? 0
      for number in 0..<12 {
        let bit = number == 0 ? 0 : number == 1 ? 8 * size - 1 : Int.random(in: 0..<8 * size, using: &generator)
        let storage = base.restarted()
        storage.flip(bit: bit, of: path)
        let context = "seed \(seed), bit \(bit) of \(String(decoding: path.bytes, as: UTF8.self))"
        let device = BootDevice(storage: storage)
        let isInGood = path.directory == BootPath.slot(.b)
        let boot = try device.powerOn()
        #expect(boot.set == (isInGood ? .old : .new), "\(context)")
        #expect(try device.state().floors.firmware == 3, "\(context)")
        // What rotted is found out, and told where there is somebody to tell.
        for slot in Slot.allCases where path.directory == BootPath.slot(slot) {
          #expect(throws: StageRefusal.self, "\(context)") { _ = try device.slots.check(slot, boot.state) }
        }
        if isInGood {
          #expect(device.slots.state.history.last?.kind == .fellBack, "\(context)")
          #expect(device.slots.state.history.last?.detail != 0, "\(context)")
        }
        // And it heals, without anybody's help.
        if boot.needsRefresh { try device.slots.refresh(from: boot.slot, boot.state) }
        let next = try device.powerOn()
        #expect(next.set == boot.set, "\(context)")
      }
    }
  }

  @Test("with both control files rotten one set is tried, and the other one is what a device falls back to")
  func bothControlFiles() throws {
    let storage = try device()
    for file in ["boot/control/0", "boot/control/1"] as [StoragePath] { storage.flip(bit: 77, of: file) }
    let device = BootDevice(storage: storage)
    for _ in 0..<3 { #expect(try device.powerOn().isTrial) }
    for _ in 0..<3 {
      let boot = try device.powerOn()
      #expect(boot.set == .new)
      #expect(!boot.isTrial)
    }
  }

  @Test("a rotten idle slot is filled anew before it is needed, and floors wait for that")
  func rotInIdleSlot() throws {
    for stage in Stage.allCases {
      let storage = try device(idle: .new)
      storage.flip(bit: 9000, of: BootPath.package(stage, in: .a))
      let device = BootDevice(storage: storage)
      let boot = try device.powerOn()
      #expect(boot.needsRefresh)
      #expect(try device.state().floors.firmware == 3)
      try device.slots.refresh(from: boot.slot, boot.state)
      #expect(try !device.powerOn().needsRefresh)
      #expect(try device.state().floors.firmware == 4)
      #expect(device.contents(of: .a) == .new)
    }
  }

  @Test("rot while an update is staged, or on trial, is refused with its class, and what was good goes on")
  func rotInUpdate() throws {
    for stage in Stage.allCases {
      let storage = try staged()
      let path = BootPath.staged(stage)
      storage.flip(bit: 8 * (storage.content(path)?.count ?? 0) - 1, of: path)
      #expect(tryStaged(storage) == .digestMismatch)
      #expect(try BootDevice(storage: storage).powerOn().set == .old)

      let trial = try trial()
      trial.flip(bit: 8 * 5000, of: BootPath.package(stage, in: .b))
      let device = BootDevice(storage: trial)
      #expect(try device.powerOn().set == .old)
      #expect(device.slots.state.history.map(\.kind) == [.installed, .refused, .abandoned])
      #expect(device.slots.state.history[1].detail == UInt64(ErrorClass.digestMismatch.rawValue))
    }
  }

  @Test("a file that can't be read never stops a device")
  func unreadable() throws {
    let base = try device()
    for path in base.paths where path != BootDevice.floors {
      for access in [Access.opening, .reading] {
        let storage = base.restarted()
        try storage.damage(path, access)
        let boot = try BootDevice(storage: storage).powerOn()
        let isInGood = path.directory == BootPath.slot(.b)
        #expect(boot.set == (isInGood ? .old : .new))
        if isInGood {
          #expect(BootDevice(storage: storage).slots.state.history.last?.detail == UInt64(ErrorClass.io.rawValue))
        }
      }
    }
  }

  @Test("storage that takes no writes starts what is good, never a trial, and says read-only to whoever wants more")
  func readOnly() throws {
    let storage = try trial()
    storage.makeReadOnly()
    let device = BootDevice(storage: storage)
    for _ in 0..<5 {
      let boot = try device.powerOn()
      #expect(!boot.isTrial)
      #expect(boot.set == .old)
    }
    #expect(throws: ErrorClass.readOnly) { try device.slots.confirm(.b) }
    storage.repair()
    #expect(try device.powerOn().set == .new)

    let other = try staged()
    other.makeReadOnly()
    #expect(tryStaged(other) == .readOnly)
    #expect(try BootDevice(storage: other).powerOn().set == .old)
    other.repair()
    #expect(tryStaged(other) == nil)
  }

  @Test("an update that doesn't fit is refused as no-space before anything changes, or leaves what was good")
  func noSpace() throws {
    for room in stride(from: 0, through: 40_000, by: 4000) {
      let storage = try staged()
      storage.fill(leaving: room)
      let outcome = tryStaged(storage)
      if let outcome { #expect(outcome == .noSpace, "\(room)") }
      let device = BootDevice(storage: storage)
      #expect(try device.powerOn().set == (outcome == nil ? .new : .old), "\(room)")
      storage.repair()
      if outcome != nil {
        #expect(tryStaged(storage) == nil)
        #expect(try device.powerOn().set == .new)
      }
    }
  }

  @Test(
    "writes that fail at any file leave what was good, and the class says so; once it works again, so does the update")
  func unwritable() throws {
    let base = try staged()
    // All that an update writes to.
    let whole = base.restarted()
    try #require(tryStaged(whole) == nil)
    for path in whole.paths where base.content(path) != nil {
      for access in [Access.writing, .synchronizing] {
        let storage = base.restarted()
        try storage.damage(path, access)
        let outcome = tryStaged(storage)
        #expect(outcome == nil || outcome == .io)
        let device = BootDevice(storage: storage)
        #expect(try device.powerOn().set == (outcome == nil ? .new : .old))
        storage.repair()
        if outcome != nil { #expect(tryStaged(storage) == nil) }
        #expect(try device.powerOn().set == .new)
      }
    }
  }
}
