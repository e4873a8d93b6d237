import BootChain
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// SPEC 7.1 and 7.11: the floors follow what both slots hold.
@Suite("The floors of a device", .enabled(if: devicesAvailable, needsDevices))
struct FloorTests {
  private func floors(_ loader: UInt64, _ decryptor: UInt64, _ firmware: UInt64) -> Floors {
    Floors(loader: loader, decryptor: decryptor, firmware: firmware)
  }

  @Test("are raised when the idle slot is as high as the good one, which is copied to it for that, and not before")
  func raise() throws {
    let device = try updatableDevice()
    let old = try device.contents(Stage.firmware.file())
    let image = try device.copyFlash()
    try device.stage(firmwarePackage(build: 2, securityVersion: 5), as: .firmware)
    #expect(try device.boot("try").stdout == "try: success\n")
    #expect(try device.boot("say", "confirm").stdout == "build 2\nconfirm: success\n")
    #expect(try device.raisedFloors() == floors(0, 0, 0), "nothing is raised for a trial")

    // Now it is permanent; the idle slot is below, so it is copied, even if the firmware ends at once.
    expectSays(2, try device.boot("say"))
    #expect(try device.raisedFloors() == floors(0, 0, 0))
    #expect(try device.history().last == "a refreshed 0")
    #expect(try device.contents(Stage.firmware.file()) == device.contents(Stage.firmware.file(in: .b)))

    expectSays(2, try device.boot("say"))
    #expect(try device.raisedFloors() == floors(3, 3, 5))
    let size = try Data(contentsOf: device.floors).count
    expectSays(2, try device.boot("say"))
    #expect(try Data(contentsOf: device.floors).count == size, "once")

    // Either slot runs on its own.
    try device.rot(Stage.bootloader.file(in: .b))
    #expect(try device.boot("say").stdout == "build 2\n")

    // And what both held before is refused: as an update, and put back into the slots.
    try device.install(old, Stage.firmware.stagedFile)
    #expect(try device.boot("try").stdout == "try: superseded by a newer one\n")
    try device.install(old, as: .firmware)
    expectRefused(try device.boot(), .firmware, .rollback)
    // Nor does it help to put all of flash back.
    try device.restoreFlash(from: image)
    expectRefused(try device.boot(), .firmware, .rollback)
  }

  @Test("stay what they were when the register loses the end of a record")
  func torn() throws {
    let device = try updatableDevice()
    device.state.floors = floors(0, 0, 0)
    expectSays(1, try device.boot("say"))
    #expect(try device.raisedFloors() == floors(3, 3, 3))
    let register = try Data(contentsOf: device.floors)
    for length in [1, 8, 31] {
      try (register + register.prefix(length)).write(to: device.floors)
      expectSays(1, try device.boot("say"))
      #expect(try device.raisedFloors() == floors(3, 3, 3))
    }
    // Without its only record the device raises them again.
    try register.dropLast().write(to: device.floors)
    expectSays(1, try device.boot("say"))
    #expect(try device.raisedFloors() == floors(3, 3, 3))
  }

  @Test("count as those of the fuses do, for every stage", arguments: Stage.allCases)
  func apply(stage: Stage) throws {
    let device = try loadingDevice()
    var wanted = floors(0, 0, 0)
    switch stage {
    case .bootloader: wanted.loader = 4
    case .decryptor: wanted.decryptor = 4
    case .firmware: wanted.firmware = 4
    }
    try FloorsRegister(path: device.floors.path, .writing).raise(to: wanted)
    expectRefused(try device.boot(), stage, .rollback)
  }

  @Test("must be there, and able to be read")
  func missing() throws {
    let device = try loadingDevice()
    try FileManager.default.removeItem(at: device.floors)
    let outcome = try device.boot()
    #expect(outcome.stderr == "husk: bootrom: refused to start: io\n")
    #expect(outcome.status == bootRefusedStatus)
  }

  @Test("that can't be raised any more are told of, and the device runs on")
  func exhausted() throws {
    let device = try updatableDevice()
    device.state.floors = floors(0, 0, 0)
    try Data(count: 32 * Int(Limits.floorRecords)).write(to: device.floors)
    for _ in 0..<2 {
      let outcome = try device.boot("say")
      #expect(outcome.stdout == "build 1\n")
      #expect(outcome.stderr == "husk: bootrom: floors not raised: limit-exceeded\n")
    }
    #expect(try device.history() == [])
  }
}
