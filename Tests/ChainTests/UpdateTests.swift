import BootChain
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecureWorld
import Testing

/// SPEC 7.11: trying, confirming, falling back.
@Suite("An update of boot stages", .enabled(if: devicesAvailable, needsDevices))
struct UpdateTests {
  @Test("that is confirmed stays for good")
  func kept() throws {
    let device = try updatableDevice()
    #expect(try device.boot("say").stdout == "build 1\n")
    try device.tryFirmware(build: 2)
    #expect(try device.slots().trial == UpdateState.Trial(.b))
    let trial = try device.boot("say", "confirm", "confirm", "exit=3")
    #expect(trial.stdout == "build 2\nconfirm: success\nconfirm: success\n")
    #expect(trial.stderr == "")
    #expect(trial.status == 3)
    #expect(try device.slots().trial == UpdateState.Trial(.b, triesLeft: 2, isConfirmed: true))
    for _ in 0..<5 { #expect(try device.boot("say").stdout == "build 2\n") }
    #expect(try device.slots().good == .b)
    #expect(try device.slots().trial == nil)
    #expect(try device.history() == ["b installed 0", "b tried 2", "b confirmed 0", "b permanent 0"])
    #expect(try device.slots().history.map(\.version) == [[UInt32]?](repeating: [2, 2, 0], count: 4))
    // And the other way round.
    try device.tryFirmware(build: 3)
    #expect(try device.boot("say", "confirm").stdout == "build 3\nconfirm: success\n")
    #expect(try device.boot("say").stdout == "build 3\n")
    #expect(try device.slots().good == .a)
  }

  @Test("that is never confirmed is given up after three starts, and the history tells how each ended")
  func abandoned() throws {
    let device = try updatableDevice()
    try device.tryFirmware(build: 2)
    #expect(try device.boot("say", "crash").status == 128 + SIGSEGV)
    #expect(try device.boot("exit=7").status == 7)
    device.watchdog = 1
    let hanging = try device.boot("hang")
    #expect(hanging.stderr == "")
    #expect(hanging.status == bootTimedOutStatus)
    let returned = try device.boot("say")
    #expect(returned.stdout == "build 1\n")
    #expect(returned.stderr == "husk: bootrom: slot b: never confirmed; running slot a\n")
    expectSays(1, try device.boot("say"))
    #expect(
      try device.history() == [
        "b installed 0", "b tried 2", "b ended 139", "b tried 1", "b ended 7", "b tried 0", "b timedOut 1",
        "b abandoned 0",
      ])
    // What was given up can be tried again, and this time be kept.
    #expect(try device.boot("try").stdout == "try: success\n")
    #expect(try device.boot("confirm").stdout == "confirm: success\n")
    expectSays(2, try device.boot("say"))
  }

  @Test("has a watchdog in hardware too, some seconds later")
  func hardwareWatchdog() throws {
    let device = try updatableDevice()
    let probe = try Compiler.program("tells_watchdog", ["-static"])
    try device.stage(Stages.package(.bootloader, image: Array(Data(contentsOf: probe))), as: .bootloader)
    #expect(try device.boot("try").stdout == "try: success\n")
    device.watchdog = 600
    #expect(try device.boot().stdout == "605\n")
    // The good one has none.
    try device.install(device.contents(Stage.bootloader.stagedFile), as: .bootloader)
    _ = try device.boot()
    _ = try device.boot()
    #expect(try device.boot().stdout == "0\n")
  }

  @Test("replaces any of the stages, and keeps the others")
  func stages() throws {
    let device = try updatableDevice()
    for stage in [Stage.bootloader, .decryptor] {
      var package = try Stages.package(stage)
      package.manifest.version = Version(9, 0, 0)
      try device.stage(package, as: stage)
    }
    #expect(try device.boot("try").stdout == "try: success\n")
    for stage in [Stage.bootloader, .decryptor] {
      #expect(try device.contents(stage.file(in: .b)) == device.contents(stage.stagedFile))
    }
    #expect(try device.contents(Stage.firmware.file(in: .b)) == device.contents(Stage.firmware.file()))
    #expect(try device.boot("say", "confirm").stdout == "build 1\nconfirm: success\n")
  }

  @Test("waits while another one is on trial")
  func onTrial() throws {
    let device = try updatableDevice()
    #expect(try device.boot("confirm", "try").stdout == "confirm: success\ntry: not found\n")
    #expect(try device.history() == [], "there was nothing to confirm")
    try device.stage(firmwarePackage(build: 2), as: .firmware)
    #expect(
      try device.boot("try", "try", "confirm").stdout
        == "try: success\ntry: an update is on trial\nconfirm: success\n")
    #expect(try device.slots().trial == UpdateState.Trial(.b), "the boot that asks isn't the one on trial")
    #expect(
      try device.boot("try", "confirm", "try").stdout
        == "try: an update is on trial\nconfirm: success\ntry: an update is on trial\n")
    #expect(try device.boot("try").stdout == "try: success\n")
  }

  @Test("that isn't whole, or not for this device, changes nothing")
  func refused() throws {
    let device = try updatableDevice()
    expectSays(1, try device.boot("say"))
    let good = try firmwarePackage(build: 2)
    func expect(_ errorClass: ErrorClass, _ change: (inout PackageFixture) -> Void, _ damage: ([UInt8]) -> [UInt8])
      throws
    {
      var package = good
      change(&package)
      try device.install(damage(package.file()), Stage.firmware.stagedFile)
      let before = try device.everything()
      let world = try device.startSecureWorld()
      #expect(try world.ask(.tryStaged) == .failed(errorClass))
      world.hangUp()
      _ = try world.rom.outcome()
      #expect(try device.everything() == before, "\(errorClass)")
    }
    try expect(.rollback, { $0.manifest.securityVersion = 2 }, { $0 })
    try expect(.untrustedRoot, { $0.chain.root = .stranger }, { $0 })
    try expect(.roleMismatch, { $0 = .module() }, { $0 })
    try expect(.wrongArchitecture, { $0.manifest.machine ^= 1 }, { $0 })
    try expect(.digestMismatch, { _ in }, { $0.dropLast() + [$0[$0.count - 1] ^ 1] })
    try expect(.sizeMismatch, { _ in }, { $0.dropLast() })
    try expect(.malformed, { _ in }, { _ in [] })
    // The same package in the place of another stage.
    try device.remove(Stage.firmware.stagedFile)
    try device.install(good.file(), Stage.decryptor.stagedFile)
    let before = try device.everything()
    #expect(try device.startSecureWorld().ask(.tryStaged) == .failed(.roleMismatch))
    #expect(try device.everything() == before)
    // Nothing of that stands in the way of a good one.
    try device.remove(Stage.decryptor.stagedFile)
    try device.tryFirmware(build: 2)
    expectSays(2, try device.boot("say"))
  }

  @Test("that rots before its first start isn't started")
  func rotsOnTrial() throws {
    let device = try updatableDevice()
    try device.tryFirmware(build: 2)
    try device.rot(Stage.decryptor.file(in: .b))
    let outcome = try device.boot("say")
    #expect(outcome.stdout == "build 1\n")
    #expect(outcome.stderr == "husk: bootrom: slot b: refused decryptor: digest-mismatch; running slot a\n")
    let mismatch = ErrorClass.digestMismatch.rawValue
    #expect(try device.history() == ["b installed 0", "b refused \(mismatch)", "b abandoned 0"])
    expectSays(1, try device.boot("say"))
  }
}

/// Expects that this build of the firmware ran, and that nothing was to be said.
func expectSays(_ build: Int, _ outcome: Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(outcome.stdout == "build \(build)\n", sourceLocation: sourceLocation)
  #expect(outcome.stderr == "", sourceLocation: sourceLocation)
  #expect(outcome.status == 0, sourceLocation: sourceLocation)
}
