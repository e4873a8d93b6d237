import DeviceSupport
import Foundation
import TestSupport
import Testing

/// Real processes, killed at instants that a seed draws: what they leave behind still loads.
@Suite("A firmware that is killed", .serialized, .enabled(if: devicesAvailable, needsDevice))
struct KilledInstallTests {
  private let name = Bench.module

  @Test("at any instant of an install, a trial or a confirmation loads the old version or the new one, and goes on")
  func installs() throws {
    let seed: UInt64 = 94
    var generator = SeededGenerator(seed: seed)
    let bench = try Bench.withGoodVersion()
    var running: UInt32 = 1
    var kills = 0
    for round in 0..<12 {
      let new = running + 1
      let package = try bench.offer(bench.version(new, size: 200_000))
      // From the start each time, where what is there already is passed over: what can be resumed by name may be all of the
      // former version, and then that is installed once more.
      let install = ["install", package]
      let use = ["load", name, "confirm"]
      let seconds = try timed { try bench.run("check", package) }.seconds
      var isInstalled = false
      for _ in 0..<4 {
        let killed = try bench.device.start(install).killed(within: seconds, using: &generator)
        kills += 1
        if killed.stdout.contains("install: 0") { isInstalled = true }
      }
      let context = "seed \(seed), round \(round)"
      let found = try bench.run("load", name)
      let isNew = found == ["load: 0 \(new).0.0 on trial"]
      try #require(isNew || (!isInstalled && found == ["load: 0 \(running).0.0"]), "\(context): \(found)")
      if !isNew { _ = try bench.run("install", package) }
      var isConfirmed = false
      for _ in 0..<2 {
        let killed = try bench.device.start(use).killed(within: seconds, using: &generator)
        kills += 1
        if killed.stdout == "load: 0 \(new).0.0 on trial\nconfirm: 0\n" { isConfirmed = true }
      }
      let settled = try bench.run("load", name, "confirm", "unload", "load", name)
      try #require(
        settled.last == "load: 0 \(new).0.0" || (!isConfirmed && settled.last == "load: 0 \(running).0.0"),
        "\(context): \(settled)")
      if settled.last == "load: 0 \(new).0.0" { running = new }
    }
    #expect(running > 6)
    print("killed processes: a firmware that installs: \(kills), seed \(seed), all recovered")
  }
}
