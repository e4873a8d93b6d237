import BootChain
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// SPEC 9.4, on devices.
@Suite("Installing on a device", .serialized, .enabled(if: devicesAvailable, needsDevice))
struct InstallTests {
  private let name = Bench.module

  /// A version whose package has many segments.
  private func large(_ bench: Bench, _ version: UInt32 = 1) throws -> ModuleFixture {
    try bench.version(version, size: 300_000)
  }

  @Test("takes a package in pieces of any size, and from a pipe", arguments: ["1", "4097", "65536", "1000000", "pipe"])
  func pieces(size: String) throws {
    let bench = try Bench()
    let module = try size == "1" ? bench.version(1) : large(bench)
    let file = try bench.offer(module)
    let words = size == "pipe" ? ["pipe", file] : ["pieces", size, file]
    let outcome = try bench.device.boot(words + ["install", bench.offer(bench.grant()), "load", name])
    #expect(outcome.stdout.hasPrefix("install: 0 module com.acme.codec 1.0.0 epoch 7 number 0\n"), "\(outcome)")
    #expect(outcome.stdout.hasSuffix("load: 0 1.0.0 on trial\n"))
  }

  @Test("goes on where it was broken off, in another process too")
  func resume() throws {
    let bench = try Bench()
    let module = try large(bench)
    let file = try bench.offer(module)
    let sealed = try module.file()
    let front = sealed.count - Int(try PackageFront(sealed).declaredPayloadSize)
    #expect(try bench.run("break", "100000", file) == ["break: 0"])
    let kept = front + 56 + (100_000 - front - 56) / 16_400 * 16_400
    #expect(
      try bench.run("resume", name, file) == [
        "from \(kept)", "install: 0 module com.acme.codec 1.0.0 epoch 7 number 0",
      ])
    #expect(try bench.run("resume", name, file).first == "from 0")
    // Without the memory of it, what is there isn't written again.
    #expect(try bench.run("break", "100000", file, "install", file).last?.hasPrefix("install: 0") == true)
  }

  @Test("drops what was altered on the way, and goes on before it")
  func altered() throws {
    let bench = try Bench()
    let contents = try large(bench).file()
    var altered = contents
    altered[150_000] ^= 1
    let said = try bench.run(
      "install", bench.device.offer(altered, as: "altered"), "resume", name,
      bench.device.offer(contents, as: "package"), "install",
      bench.offer(bench.grant()), "load", name)
    #expect(said.first == "install: 21")
    #expect(said.last == "load: 0 1.0.0 on trial")
  }

  @Test("refuses what the decryptor refuses, and leaves everything as it was")
  func refused() throws {
    let bench = try Bench.withGoodVersion()
    let before = try bench.device.contentsOfFlash()
    var foreign = try bench.version(2)
    foreign.package.chain.root = TestKey("another root")
    var other = try bench.version(2)
    other.package.manifest.machine = other.package.manifest.machine == 62 ? 183 : 62
    var elsewhere = bench.grant(sequence: 9)
    elsewhere.terms.deviceID = bytes(named: "another device")
    var former = bench.grant(sequence: 9)
    former.terms.grantKeyThumbprint = bytes(named: "another key")
    var list = StatusListFixture()
    list.chain.root = TestKey("another root")
    let files = try [
      (foreign.file(), 4), (other.file(), 13), (bench.version(2, securityVersion: 3).file(), 12),
      (elsewhere.file(), 14), (former.file(), 19), (bench.grant(sequence: 4).file(), 12), (list.file(), 4),
      ([], 1), ([1, 2, 3], 1), (Array(bench.version(2).file().dropLast()), 24), (bench.version(2).file() + [0], 24),
      (Stages.package(.firmware, image: [1, 2, 3]).file().map { $0 }, 0),
    ]
    for (index, (file, status)) in files.dropLast().enumerated() {
      let path = try bench.device.offer(file, as: "file")
      let said = try bench.run("check", path, "install", path)
      #expect(said.map { $0.split(separator: " ")[1] } == ["\(status)", "\(status)"], "\(index)")
      if status != 24 { #expect(try bench.device.contentsOfFlash() == before, "\(index)") }
    }
    #expect(try bench.run("load", name) == ["load: 0 1.0.0"])
  }

  @Test("has nothing written by a check, whatever comes of it")
  func checks() throws {
    let bench = try Bench.withGoodVersion()
    let before = try bench.device.contentsOfFlash()
    let storage = try ["storage/0", "storage/1"].map { try bench.device.contents($0) }
    var altered = try large(bench, 2).file()
    altered[200_000] ^= 1
    let said = try bench.run(
      "check", bench.offer(large(bench, 2), as: "large"), "check", bench.device.offer(altered, as: "altered"), "check",
      bench.offer(bench.grant(sequence: 9)), "check",
      bench.device.offer(StatusListFixture().file(), as: "list"), "check",
      bench.device.offer(Stages.package(.firmware, image: bytes(named: "firmware")).file(), as: "stage"))
    #expect(
      said == [
        "check: 0 module com.acme.codec 2.0.0 epoch 7 number 0", "check: 21",
        "check: 0 grant com.acme.codec 0.0.0 epoch 7 number 9", "check: 0 status com.acme. 0.0.0 epoch 0 number 1",
        "check: 0 boot.firmware org.platform.stage 2.0.1 epoch 0 number 0",
      ])
    #expect(try bench.device.contentsOfFlash() == before)
    #expect(try ["storage/0", "storage/1"].map { try bench.device.contents($0) } == storage)
  }

  @Test("is of one process at a time, which needn't close the store to end, and of one store in it")
  func oneAtATime() throws {
    let bench = try Bench.withGoodVersion()
    let before = try bench.device.contentsOfFlash()
    try bench.device.withSlots { storage in
      let hold = try ModuleStore(on: storage).open()
      let other = try bench.device.boot("load", name)
      #expect(other.status == 1 && other.stderr.contains("store: 74"), "\(other)")
      _ = consume hold
    }
    #expect(try bench.run("second", "load", name) == ["second: 74", "load: 0 1.0.0"])
    let killed = try bench.device.boot("kill")
    #expect(killed.status == 128 + SIGKILL, "\(killed)")
    #expect(try bench.run("reopen", "load", name) == ["load: 0 1.0.0"])
    #expect(try bench.device.contentsOfFlash() == before)
    let mode = try FileManager.default.attributesOfItem(
      atPath: bench.device.flash.appending(path: "modules/lock").path)[.posixPermissions]
    #expect(mode as? Int == 0o600)
  }

  @Test(
    "is loaded from where there can be no lock, as with something else in its place",
    arguments: ["folder", "fifo", "link"])
  func withoutLock(kind: String) throws {
    let bench = try Bench.withGoodVersion()
    try bench.device.remove("modules/lock")
    let path = bench.device.flash.appending(path: "modules/lock").path
    switch kind {
    case "folder": #expect(mkdir(path, 0o755) == 0)
    case "fifo": #expect(mkfifo(path, 0o644) == 0)
    default: #expect(symlink("/dev/zero", path) == 0)
    }
    #expect(try bench.run("load", name) == ["load: 0 1.0.0"])
  }

  @Test("checks a stage against fuses: role, processor, floor")
  func stages() throws {
    let bench = try Bench()
    var state = bench.device.state
    state.floors = Floors(loader: 3, decryptor: 0, firmware: 0)
    bench.device.state = state
    var stage = try Stages.package(.bootloader, image: bytes(named: "bootloader"))
    stage.manifest.securityVersion = 2
    var newer = stage
    newer.manifest.securityVersion = 3
    var other = newer
    other.manifest.machine = other.manifest.machine == 62 ? 183 : 62
    let said = try bench.run(
      "install", bench.device.offer(stage.file(), as: "stage"), "install",
      bench.device.offer(other.file(), as: "other"),
      "install", bench.device.offer(newer.file(), as: "newer"))
    #expect(said == ["install: 12", "install: 13", "install: 0 boot.loader org.platform.stage 2.0.1 epoch 0 number 0"])
    #expect(try bench.device.contents("update/bootloader.husk") == newer.file())
  }

  @Test("keeps status lists, and shows them to the decryptor with every start")
  func statusLists() throws {
    let bench = try Bench.withGoodVersion()
    var list = StatusListFixture()
    list.list.floors = [StatusList.SecurityFloor(testName(name), 9)]
    let before = try bench.run(
      "install", bench.offer(bench.version(2, securityVersion: 9)), "install",
      bench.device.offer(list.file(), as: "list"), "load", name)
    #expect(before.last == "load: 0 2.0.0 on trial")
    // The list is there before anything is loaded: the former version is refused.
    #expect(try bench.run("test", name, "1").last == "load: 12")
    // A rotten list is told, and what it speaks for refused.
    try bench.device.install([1, 2, 3], "status/com.acme..status")
    let after = try bench.run("load", name)
    #expect(after.first?.hasPrefix("warning: status/com.acme..status: ") == true)
    #expect(after.last == "load: 30")
    #expect(try bench.run("install", bench.device.offer(list.file(), as: "list"), "usage").count == 3)
  }
}
