import DeviceSupport
import Foundation
import Testing

@Suite("husk doctor", .enabled(if: devicesAvailable, "booting a device takes root and build-device.sh"))
struct DoctorTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
  }

  private func protections(_ words: String..., launcher: [String] = []) throws -> [String: [String: Any]] {
    let command = launcher + [Desk.tool, "doctor", "--json"] + words
    let outcome = try run(command[0], Array(command.dropFirst()), directory: desk.directory)
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
    let report = try #require(try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8)) as? [String: Any])
    let list = try #require(report["protections"] as? [[String: Any]])
    for state in ["active", "inactive", "unknown"] {
      #expect(report[state] as? Int == list.count { $0["state"] as? String == state })
    }
    return Dictionary(uniqueKeysWithValues: list.compactMap { entry in (entry["name"] as? String).map { ($0, entry) } })
  }

  @Test("tells of every protection, and what to do for each that isn't active")
  func words() throws {
    let outcome = try desk.husk("doctor")
    #expect(outcome.status == 0)
    #expect(outcome.stderr == "")
    let lines = outcome.stdout.split(separator: "\n").map(String.init)
    let lacking = lines.count { $0.contains("  NOT ACTIVE") || $0.contains("  unknown (") }
    #expect(lacking > 0)
    #expect(lines.count { $0.hasPrefix("      without it: ") } == lacking)
    #expect(lines.count { $0.hasPrefix("      to do: ") } == lacking)
    let active = lines.count { $0.contains("  active") }
    #expect(active + lacking == 30)
    #expect(lines.last?.hasPrefix("\(active) active, ") == true)
    // This platform is a mock, and says so.
    #expect(lines.contains { $0.hasPrefix("  hardware isolation ") && $0.hasSuffix("NOT ACTIVE") })
    #expect(lines.contains { $0.hasPrefix("  fused root of trust ") && $0.hasSuffix("NOT ACTIVE") })
  }

  @Test("stays as it is, and so does what it tries: a second time it says the same")
  func repeats() throws {
    #expect(try desk.husk("doctor").stdout == desk.husk("doctor").stdout)
  }

  @Test("tells what is missing here")
  func missing() throws {
    let launcher = [try Compiler.program("without").path, "memfd_secret", "landlock", "memfd_exec_flags", "mdwe", "--"]
    let before = try protections()
    let after = try protections(launcher: launcher)
    for (name, error) in [("secret-memory", 38), ("landlock", 38), ("noexec-module-files", 22)] {
      #expect(before[name]?["state"] as? String == "active")
      #expect(after[name]?["state"] as? String == "inactive")
      #expect(after[name]?["detail"] as? Int == error)
      #expect(after[name]?["explanation"] as? String == "the kernel doesn't have it")
      #expect(after[name]?["advice"] is String)
      #expect(before[name]?["advice"] == nil)
    }
    for name in ["no-write-execute", "process-no-write-execute"] {
      #expect(before[name]?["state"] as? String == "active")
      #expect(after[name]?["state"] as? String == "inactive")
    }
    // Only a decryptor knows.
    #expect(after["libcrypto-heap"]?["state"] as? String == "unknown")
  }

  @Test("tells that no boot stage can start where vm.memfd_noexec is 2, and so does whatever starts a device")
  func noExecutableMemoryFiles() throws {
    // The setting is one of the process name space.
    let launcher = [
      "unshare", "--pid", "--fork", "--mount-proc", "sh", "-ec",
      "echo 2 > /proc/sys/vm/memfd_noexec; exec \"$@\"", "sh",
    ]
    let explanation = try protections(launcher: launcher)["memfd-noexec"]?["explanation"] as? String
    #expect(explanation == "level 2, at which no boot stage can start: set 1")
    try makeDevice()
    for words in [["doctor", "dev"], ["sim", "boot", "dev"], ["sim", "identity", "dev", "-o", "dev.identity"]] {
      let outcome = try run(launcher[0], launcher.dropFirst() + [Desk.tool] + words, directory: desk.directory)
      #expect(
        outcome.stderr == """
          husk: error: no boot stage can start here: the kernel gives out no memory file that can be executed
          husk: hint: vm.memfd_noexec is 2: sysctl vm.memfd_noexec=1 lets stages start, and nothing that isn't meant to

          """)
      #expect(outcome.status == 1)
    }
  }

  @Test("asks a device's decryptor, which answers for itself")
  func device() throws {
    try makeDevice()
    let device = try protections("dev")
    #expect(device["libcrypto-heap"]?["state"] as? String == "active")
    #expect(device["landlock"]?["reporter"] as? String == "decryptor")
    let lacking = try protections(
      "dev", launcher: [try Compiler.program("without").path, "landlock_enabled", "--"])
    #expect(lacking["landlock"]?["state"] as? String == "inactive")
    #expect(lacking["landlock"]?["detail"] as? Int == 95)
    #expect(try desk.husk("doctor", "dev").stdout.contains("Decryptor, as it reports itself\n"))
  }

  @Test("says what it can't find out, as somebody else than root")
  func unprivileged() throws {
    let anybody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    let facts = try protections(launcher: anybody)
    #expect(facts["unprivileged-user"]?["state"] as? String == "unknown")
    #expect(facts["unprivileged-user"]?["explanation"] as? String == "needs root to tell")
    try makeDevice()
    let refused = try run(anybody[0], anybody[1...] + [Desk.tool, "doctor", "dev"], directory: desk.directory)
    #expect(refused.stderr == "husk: error: starting a device needs root\nhusk: hint: run it with sudo\n")
    #expect(refused.status == 1)
  }

  @Test("refuses what isn't a device, and one that doesn't boot")
  func refused() throws {
    try desk.refuse("doctor", "missing", error: "missing: no such file or directory")
    try makeDevice()
    try FileManager.default.removeItem(at: desk.directory.appending(path: "dev/flash/boot/a/decryptor.husk"))
    let outcome = try desk.husk("doctor", "dev")
    #expect(outcome.stdout == "")
    #expect(outcome.stderr.hasSuffix("husk: error: the device didn't boot: it ended with status 101\n"))
    #expect(outcome.status == 1)
  }

  /// A device with the real stages, in `dev`.
  private func makeDevice() throws {
    for name in ["root", "platform", "silicon"] { try desk.make("keygen", "-o", "\(name).pem") }
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "platform.pub", "--subject", "Acme", "--role", "boot.loader",
      "--role", "boot.decryptor", "--scope", "com.acme.", "-o", "platform.chain")
    try desk.make(
      "sim", "create", "dev", "--rom", Release.host.stage("bootrom").path, "--boot-root", "root.pub",
      "--device-root-key", "silicon.pem")
    for (stage, role) in [("bootloader", "boot.loader"), ("decryptor", "boot.decryptor")] {
      try desk.make(
        "pack", Release.host.stage(stage).path, "--role", role, "--name", "com.acme.\(stage)", "--version", "1.0.0",
        "--security-version", "1", "--key", "platform.pem", "--chain", "platform.chain", "-o", "\(stage).husk")
      try desk.make("sim", "install", "dev", "\(stage).husk")
    }
  }
}
