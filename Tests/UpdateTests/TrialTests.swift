import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// SPEC 9.3, on devices.
@Suite("Versions of a module", .serialized, .enabled(if: devicesAvailable, needsDevice))
struct TrialTests {
  private let name = Bench.module

  @Test("a first version is tried, confirmed, and then loaded for good")
  func first() throws {
    let bench = try Bench()
    let said = try bench.run(
      "load", name, "install", bench.offer(bench.version(1)), "load", name, "install", bench.offer(bench.grant()),
      "load", name, "modules", "confirm", "confirm", "load", name, "modules", "history", name)
    let size = try bench.version(1).file().count
    #expect(
      said == [
        "load: 65", "install: 0 module com.acme.codec 1.0.0 epoch 7 number 0", "load: 65",
        "install: 0 grant com.acme.codec 0.0.0 epoch 7 number 5", "load: 0 1.0.0 on trial",
        "com.acme.codec trial 1.0.0, 2 left packages \(size) received 0", "confirm: 0", "confirm: 0", "load: 0 1.0.0",
        "com.acme.codec good 1.0.0 packages \(size) received 0", "0: 1.0.0 installed 0", "1: 1.0.0 tried 2",
        "1: 1.0.0 confirmed 0",
      ])
  }

  @Test("a newer version is on trial beside the former one until it is confirmed, and then alone")
  func update() throws {
    let bench = try Bench.withGoodVersion()
    let said = try bench.run(
      "install", bench.offer(bench.version(2)), "load", name, "unload", "load", name, "modules", "confirm", "modules",
      "load", name)
    let sizes = try (bench.version(1).file().count, bench.version(2).file().count)
    #expect(
      said == [
        "install: 0 module com.acme.codec 2.0.0 epoch 7 number 0", "load: 0 2.0.0 on trial", "load: 0 2.0.0 on trial",
        "com.acme.codec good 1.0.0 trial 2.0.0, 1 left packages \(sizes.0 + sizes.1) received 0", "confirm: 0",
        "com.acme.codec good 2.0.0 packages \(sizes.1) received 0", "load: 0 2.0.0",
      ])
    #expect(
      try bench.device.contentsOfFlash().keys.filter { $0.hasSuffix(".husk") && $0.hasPrefix("modules") }.count == 1)
  }

  @Test("a version that isn't confirmed in three tries is given up for the former one")
  func unconfirmed() throws {
    let bench = try Bench.withGoodVersion()
    #expect(try bench.run("install", bench.offer(bench.version(2)), "load", name).last == "load: 0 2.0.0 on trial")
    #expect(try bench.run("load", name) == ["load: 0 2.0.0 on trial"])
    #expect(try bench.run("load", name) == ["load: 0 2.0.0 on trial"])
    #expect(try bench.run("load", name) == ["load: 0 1.0.0"])
    #expect(
      try bench.run("history", name).suffix(5) == [
        "1: 2.0.0 installed 0", "2: 2.0.0 tried 2", "3: 2.0.0 tried 1", "4: 2.0.0 tried 0", "4: 2.0.0 abandoned 0",
      ])
  }

  @Test("a version that fails its self-test is given up at once, and the former one runs")
  func selfTest() throws {
    let bench = try Bench.withGoodVersion()
    let said = try bench.run("install", bench.offer(bench.version(2)), "test", name, "7", "history", name, "modules")
    // The former one is tested too: here by the same test.
    #expect(
      said.dropFirst().prefix(2) == ["warning: the version on trial doesn't run: the self-test failed", "load: 73"])
    #expect(said.contains("2: 2.0.0 failed its self-test 7"))
    #expect(try bench.run("test", name, "0") == ["load: 0 1.0.0"])
  }

  @Test("a version whose constructor crashes the firmware is given up after its tries, and the former one runs")
  func crash() throws {
    let bench = try Bench.withGoodVersion()
    let crashing = try bench.version(2, object: Compiler.sharedObject("answer", ["-DANSWER=2", "-DCRASHES"]))
    _ = try bench.run("install", bench.offer(crashing))
    for _ in 0..<3 { #expect(try bench.device.boot("load", name).status == 128 + SIGABRT) }
    #expect(try bench.run("load", name, "history", name).first == "load: 0 1.0.0")
    #expect(
      try bench.run("history", name).suffix(5) == [
        "1: 2.0.0 installed 0", "2: 2.0.0 tried 2", "3: 2.0.0 tried 1", "4: 2.0.0 tried 0", "4: 2.0.0 abandoned 0",
      ])
  }

  @Test(
    "a version that the dynamic linker refuses, or whose payload rotted, is given up at once", arguments: [true, false])
  func unusable(isLinker: Bool) throws {
    let bench = try Bench.withGoodVersion()
    let object = try isLinker ? Compiler.sharedObject("answer", ["-DANSWER=2", "-DNEEDS_MISSING"]) : nil
    _ = try bench.run("install", bench.offer(bench.version(2, object: object)))
    if !isLinker {
      var contents = try bench.device.contents("modules/\(name)/0.husk")
      contents[contents.count - 100] ^= 1
      try bench.device.install(contents, "modules/\(name)/0.husk")
    }
    let said = try bench.run("load", name, "history", name, "load", name)
    let reason = isLinker ? 70 : 21
    #expect(said.last == "load: 0 1.0.0")
    #expect(said.filter { $0.hasPrefix("load") } == ["load: 0 1.0.0", "load: 0 1.0.0"])
    #expect(said.contains("2: 2.0.0 refused \(reason)"))
    #expect(said.contains("2: 2.0.0 abandoned 0"))
  }

  // MARK: - No way back

  @Test("after a version was confirmed and loaded, lower security versions and older grants are refused")
  func rollback() throws {
    let bench = try Bench.withGoodVersion()
    let newer = try bench.version(2, securityVersion: 9, epoch: 8)
    let old = try bench.offer(bench.version(1), as: "old")
    let oldGrant = try bench.offer(bench.grant(sequence: 5), as: "old-grant")
    let said = try bench.run(
      "install", bench.offer(newer), "install", bench.offer(bench.grant(sequence: 6, epoch: 8)), "load", name,
      // Nothing is raised yet: the former version still loads.
      "check", old, "check", oldGrant, "confirm", "check", old, "unload", "load", name, "check", old, "install", old,
      "check", oldGrant, "install", oldGrant)
    #expect(
      said.suffix(9) == [
        "check: 0 module com.acme.codec 1.0.0 epoch 7 number 0", "check: 0 grant com.acme.codec 0.0.0 epoch 7 number 5",
        "confirm: 0", "check: 0 module com.acme.codec 1.0.0 epoch 7 number 0", "load: 0 2.0.0", "check: 12",
        "install: 12", "check: 12", "install: 12",
      ])
    // Not even with the files put back.
    try bench.device.install(bench.version(1).file(), "modules/\(name)/0.husk")
    try bench.device.install(bench.version(1).file(), "modules/\(name)/1.husk")
    try bench.device.install(bench.grant(sequence: 5).file(), "grants/\(name)/7.grant")
    #expect(try bench.run("load", name) == ["load: 12"])
  }

  @Test("an older image of all of flash loads nothing of what it holds, and the device goes on with new grants")
  func oldFlash() throws {
    let bench = try Bench.withGoodVersion()
    let image = try bench.device.copyFlash()
    let newer = try bench.version(2, securityVersion: 9)
    #expect(
      try bench.run(
        "install", bench.offer(newer), "install", bench.offer(bench.grant(sequence: 6)), "load", name, "confirm",
        "unload", "load", name
      ).last == "load: 0 2.0.0")
    try bench.device.restoreFlash(from: image)
    #expect(try bench.run("load", name) == ["load: 19"])
    let identity = try bench.device.identity()
    #expect(identity.deviceID == bench.identity.deviceID)
    #expect(identity.generation > 0)
    var grant = GrantFixture(for: identity)
    grant.terms.sequence = 7
    #expect(
      try bench.run("install", bench.offer(newer), "install", bench.offer(grant), "load", name).last
        == "load: 0 2.0.0 on trial")
  }

  @Test("an older status list in the place of the newest one is told, and what it speaks for is refused")
  func oldStatusList() throws {
    let bench = try Bench.withGoodVersion()
    var list = StatusListFixture()
    let first = try list.file()
    list.list.number += 1
    #expect(
      try bench.run("install", bench.device.offer(first, as: "1"), "install", bench.device.offer(list.file(), as: "2"))
        .allSatisfy { $0.hasPrefix("install: 0 ") })
    #expect(try bench.run("load", name) == ["load: 0 1.0.0"])
    #expect(try bench.run("install", bench.device.offer(first, as: "1")) == ["install: 12"])
    try bench.device.install(first, "status/com.acme..status")
    let said = try bench.run("load", name)
    #expect(said.first?.hasPrefix("warning: status/com.acme..status: ") == true)
    #expect(said.last == "load: 30")
  }

  @Test("a load on trial raises nothing, whatever it is asked for")
  func trialRaisesNothing() throws {
    let bench = try Bench.withGoodVersion()
    let world = try bench.device.startSecureWorld()
    let (old, oldGrant) = try (bench.version(1).file(), bench.grant(sequence: 5).file())
    let newer = try bench.version(2, securityVersion: 9).file()
    let newerGrant = try bench.grant(sequence: 9).file()
    for _ in 0..<2 {
      #expect(try world.refusal(onTrial: newer, grant: newerGrant) == nil)
      #expect(try world.refusal(package: old, grant: oldGrant) == nil)
    }
    #expect(try world.refusal(package: newer, grant: oldGrant) == nil)
    #expect(try world.refusal(package: old, grant: oldGrant) == .rollback)
    #expect(try world.refusal(onTrial: old, grant: newerGrant) == .rollback)
    #expect(try world.refusal(package: newer, grant: newerGrant) == nil)
    #expect(try world.refusal(package: newer, grant: oldGrant) == .rollback)
    #expect(try world.refusal(onTrial: newer, grant: oldGrant) == .rollback)
  }
}
