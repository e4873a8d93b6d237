import BootChain
import CLinux
import DeviceSupport
import FormatFixtures
import Foundation
import SecureWorld
import Testing

/// SPEC 7.3, 8: a client that uses things up must not stop the secure world.
@Suite("When something runs out", .enabled(if: devicesAvailable, needsDevices))
struct ScarcityTests {
  @Test("a request waits for a process to work on it, and the decryptor doesn't end")
  func processes() throws {
    let world = try Bench().device.startSecureWorld()
    let identity = try world.identity()
    let decryptor = try world.decryptor()
    try limitProcesses(of: decryptor, to: "0")
    try world.channel.send(Request(id: 1000, operation: .identity).encoded())
    // It tried, failed, and pauses: no worker runs, yet it doesn't wait for ever.
    let handle = try #require(ProcessHandle(decryptor))
    while try !isPausing(decryptor) { try #require(!handle.waitForEnd(seconds: 0), "the decryptor ended") }
    try limitProcesses(of: decryptor, to: "4096")
    #expect(try world.receive(for: .identity) == Reply(id: 1000, result: .identity(identity)))
    #expect(try world.decryptor() == decryptor)
  }

  /// Sets the soft limit, as another process of the same user may.
  private func limitProcesses(of process: Int32, to limit: String) throws {
    let user = "\(Platform.decryptorUser)"
    try require(
      "/usr/bin/setpriv",
      [
        "--reuid", user, "--regid", user, "--clear-groups", "prlimit", "--pid", "\(process)", "--nproc=\(limit):",
      ])
  }

  private func isPausing(_ process: Int32) throws -> Bool {
    let call = try String(contentsOfFile: "/proc/\(process)/syscall", encoding: .utf8)
    let words = call.split(separator: " ")
    // poll(2) has its patience in the third argument, ppoll(2) a pointer to it: -1 and null stand for ever.
    switch words.first {
    case "7": return words.count > 3 && words[3] != "0xffffffff" && words[3] != "0xffffffffffffffff"
    case "271", "73": return words.count > 3 && words[3] != "0x0"
    default: return false
    }
  }

  @Test(
    "memory that may be locked, modules load all the same",
    arguments: Array(stride(from: 6_000_000, through: 8_250_000, by: 250_000)))
  func lockedMemory(limit: Int) throws {
    let device = try Device(firmware: Compiler.firmware("loads"))
    let bench = try Bench()
    try device.install(bench.module.file(), "modules/a.husk")
    try device.install(bench.grant.file(), "grants/a.grant")
    let command = device.romCommand(["modules/a.husk", "grants/a.grant"])
    let outcome = try run("prlimit", ["--memlock=\(limit):\(limit)"] + command)
    #expect(outcome.stdout == "firmware runs\nanswer 42\n", "\(outcome)")
  }

  @Test("memory, the firmware goes first")
  func memory() throws {
    let device = try Device(firmware: Compiler.firmware("waits"))
    var near: Int32 = -1
    var far: Int32 = -1
    try #require(linux_socket_pair(&near, &far) == 0)
    defer { close(near) }
    let rom = try device.start([], descriptors: [(number: 0, descriptor: far)])
    close(far)
    try #require(linux_wait_readable(near, Int64(patience) * 1000) == 1)
    func score(_ process: Int32) throws -> String {
      try String(contentsOfFile: "/proc/\(process)/oom_score_adj", encoding: .utf8)
    }
    let own = try score(getpid())
    #expect(try score(rom.id) == own)
    let children = try childProcesses(of: rom.id)
    #expect(children.count == 2)
    for child in children {
      #expect(try score(child) == (user(of: child) == Platform.firmwareUser ? "1000\n" : own))
    }
    kill(rom.id, SIGKILL)
    _ = try rom.outcome()
  }
}
