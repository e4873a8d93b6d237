import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// A real firmware that was taken over attacks the decryptor that it was booted with (SPEC 15.1: hostile firmware).
@Suite("A hostile firmware", .enabled(if: devicesAvailable, needsDevices))
struct HostileFirmwareTests {
  /// What the decryptor takes up, from outside.
  private struct Footprint {
    /// Bytes of its own memory that are in RAM, of its memory files, and the most that it ever had in RAM.
    let proportional: Int
    let memoryFiles: Int
    let peak: Int
    let descriptors: Int
    let workers: [Int32]

    init(of decryptor: Int32) throws {
      func kilobytes(_ file: String, _ field: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(decryptor)/\(file)", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(field):") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 1024
      }
      proportional = try kilobytes("smaps_rollup", "Pss")
      peak = try kilobytes("status", "VmHWM")
      let folder = "/proc/\(decryptor)/fd"
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      descriptors = names.count
      memoryFiles = names.reduce(0) { sum, name in
        let path = "\(folder)/\(name)"
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path),
          target.hasPrefix("/memfd:module")
        else { return sum }
        var status = stat()
        return stat(path, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
      }
      workers = try childProcesses(of: decryptor)
    }
  }

  /// What a process may gain by what libc keeps for the next time.
  private static let slack = 1 << 20
  private static let batteries = ["kinds", "random", "changing", "deaf", "stopped"]

  @Test(
    "can't crash, hang or grow it, nor make it keep anything, nor get a wrong module out of it",
    arguments: [1, 20_261_122] as [UInt64])
  func batteries(seed: UInt64) throws {
    let device = try Device(firmware: Compiler.firmware("hostile_firmware", ["-pthread"]))
    try device.install(modules: ["com.acme.good": object(1), "com.acme.other": object(2)])
    let command = device.romCommand(["\(seed)", "com.acme.good", "com.acme.other"])
    let boot = try Conversation(command[0], Array(command.dropFirst()))
    try boot.wait(for: "done: nothing")
    let children = try childProcesses(of: boot.id)
    let decryptor = try #require(
      children.first { try user(of: $0) == Platform.decryptorUser }.flatMap { ProcessHandle($0) })
    let firmware = try #require(children.first { try user(of: $0) == Platform.firmwareUser })
    let before = try Footprint(of: decryptor.id)
    for battery in Self.batteries {
      try boot.say("go\n")
      if battery == "stopped" { try expectPatience(decryptor, whileStopped: firmware) }
      try boot.wait(for: "done: \(battery)")
      let after = try Footprint(of: decryptor.id)
      #expect(after.proportional <= before.proportional + Self.slack, "\(battery), seed \(seed)")
      #expect(after.peak <= Int(Limits.decryptorMemory), "\(battery), seed \(seed)")
      #expect(after.memoryFiles == 0, "\(battery), seed \(seed)")
      #expect(after.descriptors == before.descriptors, "\(battery), seed \(seed)")
      for worker in after.workers {
        if let worker = ProcessHandle(worker) { #expect(worker.waitForEnd(), "\(battery), seed \(seed)") }
      }
    }
    try boot.say("go\n")
    try boot.wait(for: "done: ended")
    #expect(decryptor.waitForEnd())
    let outcome = try boot.end()
    #expect(outcome.status == 0, "\(outcome), seed \(seed)")
  }

  /// The decryptor works off what a firmware asked before it stopped, and then waits; then the firmware goes on.
  private func expectPatience(_ decryptor: ProcessHandle, whileStopped firmware: Int32) throws {
    while try state(of: firmware) != "T" { try #require(!decryptor.waitForEnd(seconds: 0)) }
    // Asleep, without a worker.
    while try state(of: decryptor.id) != "S" || childProcesses(of: decryptor.id).contains(where: { !isEnded($0) }) {
      try #require(!decryptor.waitForEnd(seconds: 0))
    }
    kill(firmware, SIGCONT)
  }

  private func isEnded(_ process: Int32) -> Bool {
    let state = try? state(of: process)
    return state == nil || state == "Z"
  }

  private func state(of process: Int32) throws -> Character {
    let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    let name = try #require(stat.lastIndex(of: ")"))
    return try #require(stat[name...].dropFirst(2).first)
  }

  private func object(_ answer: Int) throws -> URL { try Compiler.sharedObject("answer", ["-DANSWER=\(answer)"]) }

  @Test("that goes away takes its decryptor along, at whatever step it leaves", arguments: 0..<6)
  func leaving(step: Int) throws {
    let bench = try Bench()
    let world = try bench.device.startSecureWorld()
    _ = try world.identity()
    let decryptor = try #require(ProcessHandle(world.decryptor()))
    let package = try bench.module.file()
    let grant = try bench.grant.file()
    let load: [UInt8] = [0x84, 0x01, 0x18, 77, 0x01, 0xa0]
    try withFile(package) { package in
      try withFile(grant) { grant in
        switch step {
        case 0: break  // nothing asked
        case 1: world.send(raw: Array(load.prefix(3)))  // half of a request
        case 2: world.send(raw: load, [package, grant])  // while it works
        case 3:  // with a reply under way
          world.send(raw: load, [package, grant])
          while world.hasUnread() {}
        case 4: for _ in 0..<500 { world.send(raw: load, [package, grant]) }  // with much to do
        default:  // after all of it
          let refusal = try world.refusal(package: package, grant: grant)
          #expect(refusal == nil)
        }
      }
    }
    world.hangUp()
    #expect(decryptor.waitForEnd())
    #expect(try world.rom.outcome().status == 0)
  }

  @Test("a package with everything as large as it may be loads within the decryptor's memory")
  func largest() throws {
    let bench = try Bench()
    var module = bench.module
    // What an ELF object says about itself isn't looked at here. It doesn't compress.
    module.object = testBytes(3_200_000)
    module.package.manifest.sizeBound = padme(UInt64(module.object.count))
    var package = try module.sealed()
    package.setSegmentSize(1_049_600)
    let world = try bench.device.startSecureWorld()
    let refusal = try world.refusal(package: package.file(), grant: bench.grant.file())
    #expect(refusal == nil)
  }
}
