import CLinux
import DeviceStore
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import TestSupport
import Testing

/// Real processes, killed at instants that a seed draws: what they leave behind still starts.
@Suite("Processes that are killed", .serialized, .enabled(if: devicesAvailable, needsDevices))
struct KilledProcessTests {
  @Test(
    "at any instant of an update, of its trial and of a refresh leave a device that starts the old build or the new one"
  )
  func updates() throws {
    let seed: UInt64 = 711
    var generator = SeededGenerator(seed: seed)
    let device = try SimulatedDevice()
    var kills = 0
    var running = 1
    var kept = 0
    // How long each takes, roughly: kills are drawn from there.
    let update = try timed { try device.run(["sim", "update", device.path, device.package(2)]) }
    #expect(update.result.status == 0, "\(update.result)")
    let first = try timed { try device.run(["sim", "boot", device.path, "--", "say", "confirm"]) }
    #expect(first.result.stdout == "build 2\nconfirm: success\n", "\(first.result)")
    running = 2
    for round in 0..<20 {
      let context = "seed \(seed), round \(round)"
      let new = 3 - running
      var isTried = false
      for _ in 0..<4 {
        let killed = try device.kill(
          ["sim", "update", device.path, device.package(new)], within: update.seconds, using: &generator)
        kills += 1
        if killed.status == 0 { isTried = true }
      }
      let tried = try device.boot("say")
      try #require(tried == "build \(new)\n" || (!isTried && tried == "build \(running)\n"), "\(context): \(tried)")
      if tried != "build \(new)\n" {
        let outcome = try device.run(["sim", "update", device.path, device.package(new)])
        try #require(outcome.status == 0, "\(context): \(outcome)")
      }
      var isConfirmed = false
      for _ in 0..<2 {
        let killed = try device.kill(
          ["sim", "boot", device.path, "--", "say", "confirm"], within: first.seconds, using: &generator)
        kills += 1
        if killed.stdout == "build \(new)\nconfirm: success\n" { isConfirmed = true }
        let said = try device.boot("say", "confirm")
        let isNew = said == "build \(new)\nconfirm: success\n"
        try #require(isNew || (!isConfirmed && said == "build \(running)\nconfirm: success\n"), "\(context): \(said)")
        if isNew { isConfirmed = true }
      }
      let settled = try device.boot("say")
      try #require(settled == "build \(isConfirmed ? new : running)\n", "\(context): \(settled)")
      if isConfirmed {
        running = new
        kept += 1
      }
    }
    #expect(kept > 10)
    print("killed processes: sim update, sim boot: \(kills), seed \(seed), all recovered")
  }

  @Test("at any instant of an installation by the simulator leave what was on trial, or all of what comes")
  func installs() throws {
    let seed: UInt64 = 731
    var generator = SeededGenerator(seed: seed)
    let device = try SimulatedDevice()
    let packages = try (1...2).map { try device.offerModule(version: $0) }
    var installed = 0
    let whole = try timed { try device.run(["sim", "install", device.path, packages[0].path]) }
    #expect(whole.result.status == 0, "\(whole.result)")
    var finished = 0
    let kills = 60
    for round in 0..<kills {
      let new = 1 - installed
      let killed = try device.kill(
        ["sim", "install", device.path, packages[new].path], within: whole.seconds, using: &generator)
      let found = try device.moduleOnTrial()
      let context = "seed \(seed), round \(round): \(killed)"
      let isFormer = killed.status != 0 && found == packages[installed].contents
      try #require(isFormer || found == packages[new].contents, "\(context)")
      if found == packages[new].contents {
        installed = new
        finished += 1
      }
    }
    #expect(finished > 0)
    print("killed processes: sim install: \(kills), seed \(seed), all recovered")
  }
}

/// The simulator beside whatever else uses a device's store.
@Suite("The simulator", .enabled(if: devicesAvailable, needsDevices))
struct StoreInUseTests {
  @Test("installs no module while somebody has the store open, and says who that is")
  func inUse() throws {
    let device = try SimulatedDevice()
    let package = try device.offerModule(version: 1).path
    try device.withStore { store in
      let hold = try store.open()
      let outcome = try device.run(["sim", "install", device.path, package])
      #expect(outcome.status == 1)
      #expect(
        outcome.stderr == """
          husk: error: \(package): the device's module store doesn't take it (in-use)
          husk: hint: its firmware is running and has the store open: have that install it, or end it

          """)
      let update = try device.run(["sim", "update", device.path, device.package(2)])
      #expect(
        update.stderr == """
          husk: error: the update is refused (in-use); the device starts what it had
          husk: hint: its firmware is running and has the store open: end it, or have it try the update

          """)
      // It can be looked at.
      #expect(try device.run(["sim", "slots", device.path]).status == 0)
      _ = consume hold
    }
    #expect(try device.run(["sim", "install", device.path, package]).status == 0)
  }
}

/// A device as `husk sim` keeps it, with real stages.
private final class SimulatedDevice {
  private let scratch: Scratch
  private let packages: [URL]
  var path: String { scratch.directory.path }

  /// The tool that was built together with the tests.
  private static let tool = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "husk").path

  init() throws {
    scratch = try Scratch()
    let device = try updatableDevice()
    let files = FileManager.default
    let directory = scratch.directory
    for folder in ["rom", "fuses", "packages"] {
      try files.createDirectory(at: directory.appending(path: folder), withIntermediateDirectories: false)
    }
    try files.copyItem(at: Release.host.stage("bootrom"), to: directory.appending(path: "rom/bootrom"))
    for name in ["fuses", "counter", "floors"] {
      try files.copyItem(at: device.directory.appending(path: name), to: directory.appending(path: "fuses/\(name)"))
    }
    try files.moveItem(at: device.flash, to: directory.appending(path: "flash"))
    for folder in ["status", "storage"] {
      let folder = directory.appending(path: "flash/\(folder)")
      try files.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    packages = try (1...2).map { build in
      let file = directory.appending(path: "packages/\(build).husk")
      try Data(firmwarePackage(build: build).file()).write(to: file)
      return file
    }
  }

  func package(_ build: Int) -> String { packages[build - 1].path }

  /// A module's package, of some size, beside the others.
  func offerModule(version: Int) throws -> (path: String, contents: [UInt8]) {
    var package = PackageFixture.module(payload: testBytes(56 + 60 * 16_400 + 100).map { $0 ^ UInt8(version) })
    package.manifest.version = Version(UInt32(version), 0, 0)
    let contents = try package.file()
    let file = scratch.directory.appending(path: "packages/module-\(version).husk")
    try Data(contents).write(to: file)
    return (file.path, contents)
  }

  func withStore<Result>(_ body: (ModuleStore<POSIXStorage>) throws -> Result) throws -> Result {
    let directory = linux_open_directory(scratch.directory.appending(path: "flash").path)
    defer { close(directory) }
    return try body(ModuleStore(on: POSIXStorage(root: directory)))
  }

  /// The package that its module store says is on trial.
  func moduleOnTrial() throws -> [UInt8]? {
    let module = scratch.directory.appending(path: "flash/modules/com.acme.codec")
    let state = try withStore { $0.state(of: Array("com.acme.codec".utf8)) }
    guard let slot = state.trial?.slot else { return nil }
    return Array(try Data(contentsOf: module.appending(path: slot == .a ? "0.husk" : "1.husk")))
  }

  func run(_ arguments: [String]) throws -> Outcome {
    try DeviceSupport.run(Self.tool, arguments, environment: Sanitizer.environment([:]))
  }

  /// What its firmware says; nothing may be refused meanwhile.
  func boot(_ arguments: String...) throws -> String {
    let outcome = try run(["sim", "boot", path, "--"] + arguments)
    guard outcome.status == 0, !outcome.stderr.contains("refused") else {
      throw ProgramFailure(description: "\(outcome)")
    }
    return outcome.stdout
  }

  /// Starts the tool and kills it, perhaps too late.
  func kill(_ arguments: [String], within seconds: Double, using generator: inout SeededGenerator) throws -> Outcome {
    try Program(Self.tool, arguments, environment: Sanitizer.environment([:]))
      .killed(within: seconds, using: &generator)
  }
}
