import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Testing

@Suite("Loading", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct LoadingTests {
  @Test("gives each load a state of its own, with the same module twice and two versions side by side")
  func sideBySide() throws {
    let device = try Bench.device([
      "com.acme.one": Bench.counter(version: 1), "com.acme.two": Bench.counter(version: 2),
    ])
    let outcome = try device.boot("versions", "com.acme.one", "com.acme.two")
    // The first is called once a round, the second twice, the third three times.
    #expect(
      outcome.stdout == """
        module 0 version 1 count 1
        module 1 version 1 count 1
        module 1 version 1 count 2
        module 2 version 2 count 1
        module 2 version 2 count 2
        module 2 version 2 count 3
        module 0 version 1 count 2
        module 1 version 1 count 3
        module 1 version 1 count 4
        module 2 version 2 count 4
        module 2 version 2 count 5
        module 2 version 2 count 6
        after the second went: 3 7

        """)
    #expect(outcome.stderr == "")
  }

  @Test("and unloading leaves no mapping and no descriptor behind")
  func cycles() throws {
    let outcome = try Bench.device().boot("cycle", "com.acme.counter", "400")
    #expect(outcome.stdout == "mappings +0, descriptors +0\n")
    #expect(outcome.stderr == "")
  }

  @Test("works in many threads at once")
  func threads() throws {
    let outcome = try Bench.device().boot("threads", "com.acme.counter", "25")
    #expect(outcome.stdout == "200 loads\n")
    #expect(outcome.stderr == "")
  }

  @Test("gives out a module's own symbols, not those of what it needs")
  func dependency() throws {
    let device = try Bench.device(["com.acme.module": Bench.counter(["-DNEEDS_ZLIB", "-lz"])])
    let outcome = try device.boot("dependency", "com.acme.module")
    #expect(outcome.stdout == "zlibVersion: 65\nmalloc: 65\ncounter_next: 0\nworks: yes\n")
    #expect(outcome.stderr == "")
  }

  @Test("works by path")
  func paths() throws {
    let device = try Bench.device()
    var list = StatusListFixture()
    let refused = try #require(VersionRange(Version(1, 0, 0), Version(2, 0, 0)))
    list.list.versions = [StatusList.RefusedVersions(testName("com.acme.counter"), refused)]
    try FileManager.default.createDirectory(
      at: device.flash.appending(path: "status"), withIntermediateDirectories: true)
    try device.install(list.file(), "status/list.status")
    let outcome = try device.boot("paths", "com.acme.counter", device.flash.path)
    #expect(
      outcome.stdout == """
        load: 0
        count 1
        folder: 28
        no grant: 65
        list: 0
        grant as list: 1
        no list: 65
        load: 31

        """)
  }

  @Test("ends with a status, and modules live on, when the decryptor dies")
  func decryptorDies() throws {
    let device = try Bench.device()
    let command = device.romCommand(["waits", "com.acme.counter"])
    let boot = try Conversation(command[0], Array(command.dropFirst()))
    try boot.wait(for: "ready\n")

    let decryptor = try #require(try childProcesses(of: boot.id).first { try name(of: $0) == "decryptor" })
    let handle = try #require(ProcessHandle(decryptor))
    kill(decryptor, SIGKILL)
    // Nobody collects it before the firmware ends, but its socket is closed by then.
    #expect(handle.waitForEnd())
    try boot.say("go\n")
    let outcome = try boot.end()
    #expect(
      outcome.stdout == "ready\nload: 66\nidentity: 66\nopen: 66\nthe module still counts: 1\n")
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
  }

  /// What a process calls itself.
  private func name(of process: Int32) throws -> String {
    let line = try String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
    return String(line.prefix { $0 != "\0" })
  }
}
