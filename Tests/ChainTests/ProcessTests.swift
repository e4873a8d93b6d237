import BootChain
import CLinux
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import Testing

@Suite("The processes of a device", .enabled(if: devicesAvailable, needsDevices))
struct ProcessTests {
  /// A device that was booted, whose firmware `waits` has found the decryptor.
  private struct Running {
    /// Became the bootloader.
    let rom: Program
    let decryptor: ProcessHandle
    let firmware: ProcessHandle
    /// The other end of the firmware's standard input.
    let line: Int32
  }

  private func withRunning(
    _ arguments: [String] = [], on device: Device? = nil, _ body: (Running) throws -> Void
  ) throws {
    let device = try device ?? Device(firmware: Compiler.firmware("waits"))
    var near: Int32 = -1
    var far: Int32 = -1
    try #require(linux_socket_pair(&near, &far) == 0)
    defer { close(near) }
    let rom = try device.start(arguments, descriptors: [(number: 0, descriptor: far)])
    close(far)
    var byte: UInt8 = 0
    try #require(linux_wait_readable(near, Int64(patience) * 1000) == 1)
    try #require(read(near, &byte, 1) == 1, "the firmware ended before it was ready")
    let children = try childProcesses(of: rom.id)
    func child(_ wanted: UInt32) throws -> ProcessHandle {
      try #require(children.first { try user(of: $0) == wanted }.flatMap { ProcessHandle($0) })
    }
    #expect(children.count == 2)
    try body(
      Running(rom: rom, decryptor: child(Platform.decryptorUser), firmware: child(Platform.firmwareUser), line: near))
  }

  @Test("are kept apart from the firmware's session, so that no terminal can be made to stop them")
  func sessions() throws {
    try withRunning { running in
      let firmware = getsid(running.firmware.id)
      #expect(firmware == running.firmware.id)
      for process in [running.rom.id, running.decryptor.id] {
        #expect(getsid(process) != firmware)
        #expect(getpgid(process) != getpgid(running.firmware.id))
      }
    }
  }

  @Test("all end when the bootloader is killed")
  func killBootloader() throws {
    try withRunning { running in
      kill(running.rom.id, SIGKILL)
      #expect(running.decryptor.waitForEnd())
      #expect(running.firmware.waitForEnd())
      let outcome = try running.rom.outcome()
      #expect(outcome.status == -SIGKILL)
    }
  }

  @Test("all end when the firmware is killed, and its signal is the device's status")
  func killFirmware() throws {
    try withRunning { running in
      kill(running.firmware.id, SIGKILL)
      let outcome = try running.rom.outcome()
      #expect(outcome.status == 128 + SIGKILL)
      #expect(running.decryptor.waitForEnd())
    }
    let outcome = try Device(firmware: Compiler.firmware("waits")).boot("abort")
    #expect(outcome.status == 128 + SIGABRT)
  }

  @Test("but the decryptor go on when that is killed, and loads are refused")
  func killDecryptor() throws {
    let bench = try Bench()
    try bench.device.install(bench.module.file(), "modules/a.husk")
    try bench.device.install(bench.grant.file(), "grants/a.grant")
    let device = bench.device
    try device.install(
      Stages.package(.firmware, image: Array(Data(contentsOf: Compiler.firmware("waits")))), as: .firmware)
    func status(_ disturb: (Running) -> Void) throws -> Int32 {
      var status: Int32 = -1
      try withRunning(["then-load", "modules/a.husk", "grants/a.grant"], on: device) { running in
        disturb(running)
        try #require(write(running.line, [1], 1) == 1)
        status = try running.rom.outcome().status
      }
      return status
    }
    #expect(try status { _ in } == 0)
    let killed = try status { running in
      kill(running.decryptor.id, SIGKILL)
      _ = running.decryptor.waitForEnd()
    }
    #expect(killed == ErrorClass.noDecryptor.rawValue)
  }

  @Test("end when the other end of a service socket goes away")
  func hangUp() throws {
    let world = try loadingDevice().startSecureWorld()
    _ = try world.identity()
    let decryptor = try #require(ProcessHandle(world.decryptor()))
    #expect(try user(of: decryptor.id) == Platform.decryptorUser)
    world.hangUp()
    #expect(decryptor.waitForEnd())
    #expect(try world.rom.outcome().status == 0)
  }

  @Test("end when the bootloader of a service session is killed")
  func killService() throws {
    let world = try loadingDevice().startSecureWorld()
    _ = try world.identity()
    let decryptor = try #require(ProcessHandle(world.decryptor()))
    kill(world.rom.id, SIGKILL)
    #expect(decryptor.waitForEnd())
    #expect(throws: (any Error).self) { try world.identity() }
  }
}
