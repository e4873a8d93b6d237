import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import TestSupport
import Testing

/// SPEC 7.7: what `Samples/service` gives to a service manager.
@Suite("The sample units", .enabled(if: devicesAvailable, needsDevices))
struct ServiceUnitTests {
  private static let folder = packageRoot.appending(path: "Samples/service")

  private static func unit(_ name: String) throws -> String {
    try String(contentsOf: folder.appending(path: name), encoding: .utf8)
  }

  /// The values of a setting of the service, in order.
  private static func values(of setting: String) throws -> [String] {
    try unit("husk-decryptor.service").split(separator: "\n").compactMap { line in
      line.hasPrefix(setting + "=") ? String(line.dropFirst(setting.count + 1)) : nil
    }
  }

  @Test("are well formed")
  func wellFormed() throws {
    // Where they are installed, the provider is.
    let scratch = try Scratch()
    for name in ["husk-decryptor.socket", "husk-decryptor.service"] {
      let text = try Self.unit(name).replacing(
        "/usr/lib/husk/fuseprovider", with: Release.host.stage("fuseprovider").path)
      try Data(text.utf8).write(to: scratch.directory.appending(path: name))
    }
    let units = ["husk-decryptor.socket", "husk-decryptor.service"].map { scratch.directory.appending(path: $0).path }
    let outcome = try run("systemd-analyze", ["verify", "--man=no"] + units)
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
  }

  @Test("come with the users that they name")
  func users() throws {
    let scratch = try Scratch()
    let root = scratch.directory.path
    let file = Self.folder.appending(path: "husk.sysusers").path
    try FileManager.default.createDirectory(
      at: scratch.directory.appending(path: "etc"), withIntermediateDirectories: false)
    try require("systemd-sysusers", ["--root=\(root)", file])
    let users = try String(contentsOfFile: "\(root)/etc/passwd", encoding: .utf8)
    let groups = try String(contentsOfFile: "\(root)/etc/group", encoding: .utf8)
    #expect(users.contains("husk-decryptor:x:64901:64901:"))
    #expect(groups.contains("husk-decryptor:x:64901:"))
    #expect(groups.contains("husk-clients:x:64902:"))
    #expect(try Self.values(of: "User") == ["husk-decryptor"])
    #expect(try Self.values(of: "ExecStart").first?.hasSuffix(" 64902 64902") == true)
    #expect(try Self.unit("husk-decryptor.socket").contains("\nSocketGroup=husk-clients\n"))
  }

  @Test("leave the service hardly anything that it doesn't need, as systemd counts it: at most 1.0 of 10")
  func exposure() throws {
    let service = Self.folder.appending(path: "husk-decryptor.service").path
    let outcome = try run("systemd-analyze", ["security", "--offline=true", "--threshold=10", service])
    #expect(outcome.status == 0, "\(outcome.stdout.split(separator: "\n").filter { $0.hasPrefix("✗") })")
    for (setting, value) in [
      ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("PrivateNetwork", "yes"),
      ("RestrictAddressFamilies", "AF_UNIX"), ("MemoryDenyWriteExecute", "yes"), ("CapabilityBoundingSet", ""),
      ("LimitCORE", "0"), ("LimitMEMLOCK", "infinity"), ("MemorySwapMax", "0"),
    ] {
      #expect(try Self.values(of: setting) == [value], "\(setting)")
    }
    // In a user namespace of its own, every client would look like nobody.
    #expect(try Self.values(of: "PrivateUsers") == [])
  }

  @Test("allow every system call that provider and decryptor make, from start to end")
  func systemCalls() throws {
    let bench = try Bench()
    try bench.device.install(bench.module.file(), "modules/a.husk")
    try bench.device.install(bench.grant.file(), "grants/a.grant")
    try Service.handOver(bench.device)
    let scratch = try Scratch()
    let log = scratch.directory.appending(path: "log").path
    let socket = try SocketFile(scratch.directory.appending(path: "socket").path)
    // It is traced as a whole; the trace begins with what the service manager does itself: the exec.
    let command = Service.command(bench.device, clients: (user: 64911, group: 64911))
    let start = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\""
    let service = try Program(
      "strace",
      ["-f", "-qq", "-o", log, "-e", "signal=none", "setpriv"]
        + Service.asUser(Service.user) + ["sh", "-c", start] + command,
      descriptors: [(number: 3, descriptor: socket.listener)])
    let client = try Compiler.firmware("service_client").path
    let files = ["modules/a.husk", "grants/a.grant"].map { bench.device.flash.appending(path: $0).path }
    let loaded = try run("setpriv", Service.asUser(64911) + [client, socket.path] + files)
    #expect(loaded.stdout == "answer 42\n")
    let provider = try #require(childProcesses(of: service.id).first)
    for child in try childProcesses(of: provider) { kill(child, SIGTERM) }
    _ = try service.outcome()

    let lines = try String(decoding: Data(contentsOf: URL(filePath: log)), as: UTF8.self).split(separator: "\n")
    let exec = try #require(lines.firstIndex { $0.contains("execve(") && $0.contains("fuseprovider") })
    let made = Set(
      lines[exec...].compactMap { $0.firstMatch(of: #/^[0-9]+ +([a-z0-9_]+)\(/#).map { String($0.output.1) } })
    #expect(made.isSuperset(of: ["execveat", "accept4", "landlock_restrict_self", "prctl", "sendmsg", "memfd_create"]))
    let allowed = try Self.allowedCalls()
    #expect(made.subtracting(allowed) == [])
    // And what neither makes, nor should, it doesn't.
    #expect(allowed.isDisjoint(with: ["mount", "ptrace", "bpf", "init_module", "reboot", "keyctl", "setuid"]))
  }

  /// What the unit's filter comes to.
  private static func allowedCalls() throws -> Set<String> {
    let listing = try run("systemd-analyze", ["syscall-filter", "--no-pager"]).stdout
    var sets: [String: [String]] = [:]
    var name = ""
    for line in listing.split(separator: "\n") {
      let word = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("@") {
        name = word
      } else if !word.hasPrefix("#") {
        sets[name, default: []].append(word)
      }
    }
    func expand(_ word: String) -> Set<String> {
      guard word.hasPrefix("@") else { return [word] }
      return Set((sets[word] ?? []).flatMap(expand))
    }
    // A service may always start and end.
    var allowed = expand("@default")
    for value in try values(of: "SystemCallFilter") {
      let isTaken = value.hasPrefix("~")
      for word in value.drop(while: { $0 == "~" }).split(separator: " ") {
        if isTaken { allowed.subtract(expand(String(word))) } else { allowed.formUnion(expand(String(word))) }
      }
    }
    return allowed
  }

  @Test("start what really serves: with a socket from systemd, an unprivileged user, and a client that loads a module")
  func socketActivation() throws {
    let bench = try Bench()
    try bench.device.install(bench.module.file(), "modules/a.husk")
    try bench.device.install(bench.grant.file(), "grants/a.grant")
    try Service.handOver(bench.device)
    let scratch = try Scratch()
    let folder = scratch.directory.appending(path: "run")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    #expect(chown(folder.path, Service.user, Service.user) == 0)
    let socket = folder.appending(path: "decryptor").path
    let start = "exec systemd-socket-activate --seqpacket --listen=\"$0\" \"$@\" 2>&1"
    let service = try Conversation(
      "prlimit",
      ["--core=0", "setpriv", "--no-new-privs"] + Service.asUser(Service.user)
        + ["sh", "-c", start, socket] + Service.command(bench.device, clients: (user: 64911, group: 64912)))
    try service.wait(for: "Listening on")
    // What SocketMode= and SocketGroup= are for.
    #expect(chmod(socket, 0o666) == 0)
    func client(_ user: UInt32, group: UInt32) throws -> String {
      let files = ["modules/a.husk", "grants/a.grant"].map { bench.device.flash.appending(path: $0).path }
      let program = try Compiler.firmware("service_client").path
      return try run("setpriv", Service.asUser(user, group: group) + [program, socket] + files).stdout
    }
    #expect(try client(64911, group: 64911) == "answer 42\n")
    #expect(try client(64913, group: 64912) == "answer 42\n")
    #expect(try client(64913, group: 64913) == "no decryptor (status \(ErrorClass.noDecryptor.rawValue))\n")
    // systemd-socket-activate became the provider.
    let decryptor = try #require(childProcesses(of: service.id).first)
    #expect(try DeviceSupport.user(of: decryptor) == Service.user)
    kill(decryptor, SIGTERM)
    #expect(try service.end().status == 128 + SIGTERM)
  }
}
