import DeviceSupport
import Foundation
import Testing

/// Whether the kernel writes core files where a process works. Elsewhere it hands them to a program that this machine
/// chose, and there is nothing to look at.
private let writesCoreFiles: Bool = {
  let pattern = (try? String(contentsOfFile: "/proc/sys/kernel/core_pattern", encoding: .utf8)) ?? "|"
  return pattern.hasPrefix("core")
}()

/// What may lie in a core file, and what may not (SPEC 7.3, 7.5, 9.2).
@Suite("A core file", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct CoreDumpTests {
  /// What module_canary.c holds, in code, constants, variables and memory that it fills itself.
  private static let places = ["code-", "constant-", "variable-", "filled-e-"]
  private let scratch: Scratch
  private var directory: URL { scratch.directory }

  init() throws {
    scratch = try Scratch()
    try openToAll(scratch.directory)
  }

  @Test(
    "of the decryptor is never written, whatever signal ends it", .enabled(if: writesCoreFiles, "core_pattern"),
    arguments: [SIGSEGV, SIGABRT, SIGQUIT])
  func decryptor(signal: Int32) throws {
    let device = try Device.withCounter()
    try openToAll(device.directory)
    let client = try device.startSecureWorld()
    _ = try client.identity()
    let decryptor = try client.decryptor()
    let limits = try String(contentsOfFile: "/proc/\(decryptor)/limits", encoding: .utf8)
    #expect(limits.contains(#/Max core file size +0 +0 /#))
    // Where root may raise the limit, it is the process's own flag that keeps the core away.
    try run("prlimit", ["--pid", "\(decryptor)", "--core=unlimited"])
    kill(decryptor, signal)
    let outcome = try client.rom.outcome()
    #expect(outcome.status == 128 + signal)
    #expect(try cores(in: device.directory) == [])
  }

  @Test("of a plain process of the same user is written", .enabled(if: writesCoreFiles, "core_pattern"))
  func control() throws {
    let outcome = try run(
      "setpriv",
      ["--reuid", "64901", "--regid", "64901", "--clear-groups", "sh", "-c", "ulimit -c unlimited; kill -SEGV $$"],
      directory: directory)
    #expect(outcome.status == -SIGSEGV)
    #expect(try cores(in: directory).count == 1)
  }

  @Test(
    "of a firmware that wants one lacks its modules and nothing else", .enabled(if: writesCoreFiles, "core_pattern"))
  func firmware() throws {
    let device = try deviceWithCanary()
    try openToAll(device.directory)
    let outcome = try device.boot("abort", "com.acme.canary", canary("plainly-loaded").path)
    #expect(outcome.stdout == "core limit: raised\ndumpable: 1\n", "\(outcome)")
    #expect(outcome.status == 128 + SIGABRT)
    try expectCanaries(in: #require(cores(in: device.directory).first))
  }

  @Test("that a debugger saves of a firmware lacks its modules and nothing else")
  func debugger() throws {
    let device = try deviceWithCanary()
    let command = try device.romCommand(["wait", "com.acme.canary", canary("plainly-loaded").path])
    let boot = try Conversation(command[0], Array(command.dropFirst()))
    try boot.wait(for: "dumpable: 1\nready\n")
    let firmware = try #require(childProcesses(of: boot.id).last)
    let core = directory.appending(path: "saved")
    let debugger = try run(
      "gdb", ["-nx", "-batch", "-p", "\(firmware)", "-ex", "generate-core-file \(core.path)"], directory: directory)
    #expect(exists(core), "\(debugger)")
    try expectCanaries(in: core)
    #expect(try boot.end().status == 0)
  }

  private func deviceWithCanary() throws -> Device {
    let device = try Device(firmware: Compiler.firmware("core_client"))
    try device.install(modules: ["com.acme.canary": canary("from-husk")])
    return device
  }

  private func canary(_ name: String) throws -> URL {
    try Compiler.sharedObject("module_canary", ["-fvisibility=hidden", "-DCANARY=\"\(name)\""])
  }

  private func cores(in directory: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasPrefix("core") }
  }

  private func expectCanaries(in core: URL) throws {
    let bytes = try Data(contentsOf: core)
    #expect(bytes.range(of: Data("client's-canary".utf8)) != nil)
    for place in Self.places {
      #expect(bytes.range(of: Data("\(place)plainly-loaded".utf8)) != nil, "\(place)")
      #expect(bytes.range(of: Data("\(place)from-husk".utf8)) == nil, "\(place)")
    }
  }
}
