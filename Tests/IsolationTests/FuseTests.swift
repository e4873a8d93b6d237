import BootChain
import DeviceSupport
import Foundation
import Testing

/// No stage gets at the fuses after the ROM has read them (SPEC 7.1). probe_fuses.c tries, in the place of each.
@Suite("The fuses", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct FuseTests {
  private let device: Device
  private let scratch: Scratch
  /// Processes outside of the boot chain that are as weak as each stage, leave themselves open, and can reach the fuses.
  private let accomplices: [Conversation]
  private let flags: [String]

  init() throws {
    device = try Device(firmware: Compiler.program("waiting_firmware"))
    scratch = try Scratch()
    try openToAll(scratch.directory)
    // What keeps the stages out must not be the file's mode alone.
    try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: device.fuses.path)
    flags = Self.flags(device.fuses, scratch)
    accomplices = try Self.accomplices(with: device.fuses)
  }

  private static func flags(_ file: URL, _ scratch: Scratch) -> [String] {
    ["-DFUSES=\"\(file.path)\"", "-DSCRATCH=\"\(scratch.directory.path)\""]
  }

  private static func accomplices(with file: URL) throws -> [Conversation] {
    let program = try Compiler.program("accomplice")
    return try ["0", "64901", "64902"].map { user in
      let accomplice = try Conversation(
        "/bin/bash", ["-c", "exec -a accomplice \"$@\"", "bash", program.path, user, file.path])
      try accomplice.wait(for: "ready")
      return accomplice
    }
  }

  @Test("are out of reach for whatever runs as a stage", arguments: Stage.allCases)
  func stage(stage: Stage) throws {
    try expectNothingReached(by: stage, flags)
  }

  /// The bootloader is the one that has the counter: it counts for the decryptor (SPEC 7.6).
  @Test("and the counter is, for what runs behind the bootloader", arguments: [Stage.decryptor, .firmware])
  func counter(stage: Stage) throws {
    // Only its length counts. With this in it the probe knows it.
    try Data(Data(contentsOf: device.fuses).prefix(64)).write(to: device.counter)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: device.counter.path)
    let accomplices = try Self.accomplices(with: device.counter)
    try expectNothingReached(by: stage, Self.flags(device.counter, scratch))
    withExtendedLifetime(accomplices) {}
  }

  /// No stage has any business with the floors: the ROM raises them.
  @Test("and the floors are, for whatever runs as a stage", arguments: Stage.allCases)
  func floors(stage: Stage) throws {
    // No record is of this length: it isn't taken for one.
    try Data(Data(contentsOf: device.fuses).prefix(31)).write(to: device.floors)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: device.floors.path)
    let accomplices = try Self.accomplices(with: device.floors)
    try expectNothingReached(by: stage, Self.flags(device.floors, scratch))
    withExtendedLifetime(accomplices) {}
  }

  /// Puts the probe in a stage's place and boots.
  private func expectNothingReached(by stage: Stage, _ flags: [String]) throws {
    let probe = try Compiler.program("probe_fuses", flags + (stage == .firmware ? [] : ["-static"]))
    try device.install(Stages.package(stage, image: Array(Data(contentsOf: probe))), as: stage)
    let outcome = try device.boot()
    let user = [Stage.bootloader: "0", .decryptor: "64901", .firmware: "64902"]
    let report = outcome.stderr.split(separator: "\n").filter { $0.hasPrefix("reached") || $0.hasPrefix("failed") }
    #expect(report == [])
    #expect(outcome.stderr.contains("probe: 28 ways tried, 0 reached as user \(try #require(user[stage]))\n"))
    #expect(outcome.status == 0)
  }

  @Test("would be within reach outside of the chain", arguments: ["0", "64901", "64902"])
  func control(user: String) throws {
    let probe = try Compiler.program("probe_fuses", flags)
    let outcome = try run("setpriv", ["--reuid", user, "--regid", user, "--clear-groups", probe.path])
    let reached = ways(outcome)
    for way in ["path", "folder", "inherited descriptors", "roots of processes", "executing"] {
      #expect(reached.contains(way), "\(way) as \(user)")
    }
    // Through an accomplice of the same user.
    for way in ["descriptors of processes", "tracing", "memory of processes", "stealing descriptors"] {
      #expect(reached.contains(way), "\(way) as \(user)")
    }
  }

  @Test("would be within reach of a root that has nothing but the cover before it")
  func coverAlone() throws {
    let probe = try Compiler.program("probe_fuses", flags)
    let outcome = try run(
      "unshare",
      [
        "-m", "--propagation", "private", "sh", "-ec",
        """
        mount --bind /dev/null "$0"
        mount -o remount,bind,nodev,noexec,nosuid,ro "$0"
        "$1"
        """, device.fuses.path, probe.path,
      ])
    let reached = ways(outcome)
    #expect(!reached.contains("path"))
    for way in [
      "roots of processes", "mount namespaces of processes", "unmounting", "binding the folder", "binding the root",
      "moving the cover", "copying mounts", "executing",
    ] {
      #expect(reached.contains(way), "\(way)")
    }
  }

  private func ways(_ outcome: Outcome) -> [String] {
    outcome.stderr.split(separator: "\n").filter { $0.hasPrefix("reached: ") }.map { String($0.dropFirst(9)) }
  }
}
