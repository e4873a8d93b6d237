import CLinux
import DeviceStore
import ErrorClass
import Foundation
import FormatFixtures
import HuskFormat
import Testing

@testable import BootChain

/// SPEC 7.11, as far as it doesn't take a device. The payloads are only ever bytes.
@Suite("Boot slots")
struct BootSlotsTests {
  private let folder: TemporaryFolder
  private let directory: Int32
  private let state: BootState

  init() throws {
    folder = try TemporaryFolder()
    for name in ["boot/a", "boot/b", "update"] {
      try FileManager.default.createDirectory(at: folder.url.appending(path: name), withIntermediateDirectories: true)
    }
    directory = linux_open_directory(folder.path(""))
    state = try .fixture()
    for stage in Stage.allCases { try put(stage, in: "boot/a") }
    var known = UpdateState()
    known.assumeGood(.a)
    try ControlFiles(BootPath.control, on: POSIXStorage(root: directory)).write(known)
  }

  private var storage: POSIXStorage { POSIXStorage(root: directory) }
  private var slots: BootSlots<POSIXStorage> { BootSlots(on: storage) }

  private func package(_ stage: Stage, _ payload: [UInt8]? = nil) -> PackageFixture {
    .stage(stage.role, machine: linux_machine(), payload: payload ?? testBytes(40_000))
  }

  private func put(_ stage: Stage, _ payload: [UInt8]? = nil, in place: String) throws {
    try folder.write(package(stage, payload).file(), to: "\(place)/\(stage.fileName)")
  }

  private func contents(_ path: String) throws -> Data { try Data(contentsOf: folder.url.appending(path: path)) }

  private func everything() throws -> [String: Data?] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path(""))
    return Dictionary(uniqueKeysWithValues: paths.map { ($0, FileManager.default.contents(atPath: folder.path($0))) })
  }

  private func refusal<Medium>(of slots: BootSlots<Medium>, running: Slot? = .a) -> ErrorClass? {
    outcome { () throws(ErrorClass) in try slots.tryStaged(running: running, state) }
  }

  @Test("heal by themselves, whatever is in the place of a file or folder", arguments: Obstacle.allCases)
  func obstacles(obstacle: Obstacle) throws {
    for place in [
      "boot/a", "boot/a/bootloader.husk", "boot/a/firmware.husk", "boot/b", "boot/b/bootloader.husk",
      "boot/b/decryptor.husk", "boot/b/.firmware.husk", "boot/control", "boot/control/0", "boot/control/1",
    ] {
      let bench = try BootSlotsTests()
      try bench.slots.refresh(from: .a, state)
      try obstacle.put(at: bench.folder.path(place))
      var boot = try bench.slots.choose(state)
      // Without control files one is tried.
      for _ in 0..<3 where boot.isTrial { boot = try bench.slots.choose(state) }
      #expect(!boot.isTrial && boot.failure == nil, "\(place)")
      try bench.slots.refresh(from: boot.slot, state)
      for slot in Slot.allCases { #expect(throws: Never.self, "\(place)") { try bench.slots.check(slot, state) } }
      try bench.put(.firmware, [1, 2, 3], in: "update")
      #expect(bench.refusal(of: bench.slots, running: boot.slot) == nil, "\(place)")
      #expect(try bench.slots.choose(state).slot == boot.slot.other, "\(place)")
    }
    #expect(FileManager.default.contents(atPath: folder.path("boot/a/firmware.husk")) != nil)
  }

  @Test("take an update without any control files, from the slot that starts")
  func factory() throws {
    try FileManager.default.removeItem(atPath: folder.path("boot/control"))
    try put(.firmware, [1, 2, 3], in: "update")
    #expect(refusal(of: slots, running: nil) == nil)
    #expect(slots.state.good == .a)
    #expect(slots.state.trial == UpdateState.Trial(.b))
    // With nothing that starts there is nothing to fall back to.
    try FileManager.default.removeItem(atPath: folder.path("boot/control"))
    try FileManager.default.removeItem(atPath: folder.path("boot/a/decryptor.husk"))
    #expect(refusal(of: slots, running: nil) == .notFound)
  }

  @Test("take no update from a boot of another slot than the good one")
  func otherSlot() throws {
    try put(.firmware, [1, 2, 3], in: "update")
    #expect(refusal(of: slots, running: .b) == .onTrial)
  }

  @Test("say that there is no room before they change anything")
  func noRoom() throws {
    try put(.firmware, [1, 2, 3], in: "update")
    let before = try everything()
    #expect(refusal(of: BootSlots(on: FaultyStorage(storage, .freeSpace, .io))) == .io)
    #expect(try everything() == before)
  }

  @Test("aren't whole while they are being filled, and no trial; the next try begins anew")
  func interrupted() throws {
    for stage in Stage.allCases { try put(stage, in: "boot/b") }
    try put(.firmware, [1, 2, 3], in: "update")
    // Two writes for each package, with the front first.
    for count in 0..<8 {
      #expect(refusal(of: BootSlots(on: FaultyStorage(storage, .write, .noSpace, after: count))) == .noSpace)
      #expect(slots.state.trial == nil)
      #expect(throws: StageRefusal(.bootloader, .notFound)) { try slots.check(.b, state) }
      #expect(try contents("boot/a/firmware.husk") == Data(package(.firmware).file()))
    }
    try folder.write([7], to: "boot/b/.firmware.husk")
    #expect(refusal(of: slots) == nil)
    #expect(try slots.check(.b, state).manifests.count == 3)
    #expect(try contents("boot/b/firmware.husk") == contents("update/firmware.husk"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path("boot/b")).sorted()
        == ["bootloader.husk", "decryptor.husk", "firmware.husk"])
  }

  @Test("are checked with the time that earlier stages give, as they start")
  func time() throws {
    var bootloader = package(.bootloader)
    bootloader.manifest.issuedAt = Moment.present + 10
    try folder.write(bootloader.file(), to: "boot/a/bootloader.husk")
    var firmware = package(.firmware)
    firmware.chain.links[0].claims.notAfter = Moment.present + 9
    try folder.write(firmware.file(), to: "boot/a/firmware.husk")
    #expect(throws: StageRefusal(.firmware, .expired)) { try slots.check(.a, state) }
  }

  // MARK: While a trial runs

  private func desk(_ boot: BootNotes) -> UpdateDesk { UpdateDesk(boot, state, flash: directory) }

  @Test("have a deadline until the trial is confirmed, which happens once")
  func confirming() throws {
    try put(.firmware, [1, 2, 3], in: "update")
    try #require(refusal(of: slots) == nil)
    var trial = desk(BootNotes(slot: .b, watchdog: 60))
    #expect(trial.patience > 0 && trial.patience <= 60_000)
    #expect(!trial.isTimeUp)
    for _ in 0..<2 { try trial.confirm() }
    #expect(trial.patience < 0)
    #expect(slots.state.history.map(\.kind) == [.installed, .confirmed])
    // What happens to a confirmed trial isn't held against it.
    trial.noteEnd(.ended, detail: 1)
    trial.noteTimeout()
    #expect(slots.state.history.map(\.kind) == [.installed, .confirmed])
  }

  @Test("have no deadline where nothing is on trial, and nothing to confirm or to note")
  func noTrial() throws {
    try put(.firmware, [1, 2, 3], in: "update")
    try #require(refusal(of: slots) == nil)
    var desk = desk(BootNotes(slot: .a))
    #expect(desk.patience < 0)
    try desk.confirm()
    desk.noteEnd(.ended, detail: 1)
    #expect(slots.state.history.map(\.kind) == [.installed])
  }

  @Test("tell when a confirmation couldn't be written: then the deadline stays")
  func unconfirmed() throws {
    try put(.firmware, [1, 2, 3], in: "update")
    try #require(refusal(of: slots) == nil)
    let failing = BootSlots(on: FaultyStorage(storage, .write, .noSpace))
    #expect(outcome { () throws(ErrorClass) in try failing.confirm(.b) } == .noSpace)
    #expect(slots.state.trial?.isConfirmed == false)
  }
}
