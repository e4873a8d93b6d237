import BootChain
import CLinux
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Protections
import SecureWorld
import Testing

/// What SPEC 15.5 says of kernels that lack a feature. Tests/Programs/without.c takes it away from a whole boot.
@Suite(
  "Without a feature of the kernel, a device", .serialized,
  .enabled(if: devicesAvailable, "booting a device takes root and build-device.sh"))
struct DegradationTests {
  /// Features that are missing together, and what the decryptor then reports otherwise than with all of them.
  struct Lack: CustomTestStringConvertible {
    let features: [String]
    let facts: [ProtectionFact]
    var testDescription: String { features.joined(separator: ", ") }

    init(_ features: String..., facts: [ProtectionFact] = []) {
      self.features = features
      self.facts = facts
    }
  }

  static let lacks = [
    Lack("memfd_secret", facts: [lacking(.secretMemory, ENOSYS)]),
    Lack("landlock", facts: [lacking(.landlock, ENOSYS)]),
    Lack("landlock_enabled", facts: [lacking(.landlock, EOPNOTSUPP)]),
    Lack("memfd_exec_flags", facts: [lacking(.noexecModuleFiles, EINVAL)]),
    Lack("mdwe", facts: [ProtectionFact(.noWriteExecute, .inactive)]),
    Lack("mdwe_no_inherit"), Lack("close_range"), Lack("clone3"), Lack("faccessat2"), Lack("mlock_onfault"),
    Lack("wipe_on_fork"),
    Lack(
      "memory_locking",
      facts: [lacking(.memoryLocked, ENOMEM), ProtectionFact(.libcryptoHeap, .inactive, detail: 1)]),
    Lack(
      "memfd_secret", "landlock", "memfd_exec_flags", "mdwe", "close_range", "clone3", "faccessat2", "mlock_onfault",
      "wipe_on_fork", "memory_locking",
      facts: [
        lacking(.secretMemory, ENOSYS), lacking(.memoryLocked, ENOMEM),
        ProtectionFact(.libcryptoHeap, .inactive, detail: 1), lacking(.landlock, ENOSYS),
        ProtectionFact(.noWriteExecute, .inactive), lacking(.noexecModuleFiles, EINVAL),
      ]),
  ]

  static func lacking(_ protection: Protection, _ error: Int32) -> ProtectionFact {
    ProtectionFact(protection, .inactive, detail: UInt64(error))
  }

  private let device: Device

  init() throws {
    device = try Device(firmware: Compiler.firmware("loads"))
    try device.install(modules: ["com.acme.codec": Compiler.sharedObject("answer", ["-DANSWER=42"])])
  }

  @Test("boots, loads a module, and says what it lacks and nothing else", arguments: lacks)
  func degrades(_ lack: Lack) throws {
    var expected = try device.startSecureWorld().protections()
    for fact in lack.facts { expected[try #require(expected.firstIndex { $0.number == fact.number })] = fact }
    try takeAway(lack.features)
    let reported = try device.startSecureWorld().protections()
    #expect(reported.map(\.words) == expected.map(\.words))
    try expectToLoad()
  }

  @Test("doesn't start its decryptor without seccomp")
  func withoutSeccomp() throws {
    try takeAway(["seccomp"])
    let outcome = try device.boot("modules/com.acme.codec.husk", "grants/com.acme.codec.grant")
    #expect(outcome.stderr.contains("husk: decryptor: refused to start: internal\n"))
    #expect(outcome.stdout.contains("no decryptor"))
  }

  @Test("keeps keys in memory that is locked and left out of core dumps, without memfd_secret")
  func withoutSecretMemory() throws {
    func keyMemory() throws -> (secret: Int, ordinary: Int) {
      let world = try device.startSecureWorld()
      _ = try world.identity()
      let mappings = try Mapping.all(of: world.decryptor())
      let secret = mappings.filter { $0.name.hasPrefix("/secretmem") }
      // Between guard pages, locked, not dumped: as SecretBytes makes it.
      let ordinary = mappings.filter { $0.name.isEmpty && $0.flags.isSuperset(of: ["rd", "wr", "lo", "dd"]) }
      return (secret.count, ordinary.count)
    }
    let before = try keyMemory()
    #expect(before.secret > 0)
    try takeAway(["memfd_secret"])
    let after = try keyMemory()
    #expect(after.secret == 0)
    #expect(after.ordinary > before.ordinary)
  }

  @Test("still has nothing but what was handed to it, without Landlock or MDWE")
  func decryptorWithoutLandlock() throws {
    try takeAway(["landlock", "mdwe"])
    let world = try device.startSecureWorld()
    _ = try world.identity()
    let status = try String(contentsOfFile: "/proc/\(world.decryptor())/status", encoding: .utf8)
    let user = "\(Platform.decryptorUser)"
    #expect(status.contains("Uid:\t\(user)\t\(user)\t\(user)\t\(user)\n"))
    #expect(status.contains("NoNewPrivs:\t1\n"))
    // 2: filtered.
    #expect(status.contains("Seccomp:\t2\n"))
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
      #expect(status.contains("\(set):\t0000000000000000\n"), "\(set)")
    }
    // As SPEC 7.3 has it.
    #expect(try descriptorCount(of: world.decryptor()) == 7)
  }

  @Test("hands over modules that are sealed and can't be written, without MFD_NOEXEC_SEAL")
  func moduleFile() throws {
    try takeAway(["memfd_exec_flags"])
    let world = try device.startSecureWorld()
    let package = open("\(device.flash.path)/modules/com.acme.codec.husk", O_RDONLY | O_CLOEXEC)
    let grant = open("\(device.flash.path)/grants/com.acme.codec.grant", O_RDONLY | O_CLOEXEC)
    defer { for file in [package, grant] { close(file) } }
    try world.channel.send(Request(id: 900, operation: .load).encoded(), descriptors: [package, grant])
    try #require(linux_wait_readable(world.channel.socket, Int64(patience) * 1000) == 1)
    var message = try world.channel.receive()
    let file = message.takeDescriptor(0)
    defer { close(file) }
    #expect(linux_is_sealed(file) == 1)
    var status = stat()
    try #require(fstat(file, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o444)
    #expect(status.st_uid == Platform.decryptorUser)
  }

  @Test("gives its stages no other descriptors, without close_range")
  func descriptors() throws {
    try takeAway(["close_range"])
    let extra = open("/dev/null", O_RDONLY)
    defer { close(extra) }
    try device.install(
      Stages.package(.firmware, image: Array(Data(contentsOf: Compiler.program("descriptors")))), as: .firmware)
    let outcome = try device.start([], descriptors: [(number: 77, descriptor: extra)]).outcome()
    #expect(outcome.stdout == "0 1 2 3 4\n")
  }

  @Test("boots and loads where vm.memfd_noexec is 0 or 1, and starts no stage where it is 2", arguments: 0...2)
  func memfdLevels(level: Int) throws {
    // The setting is one of the process name space.
    device.launcher = [
      "unshare", "--pid", "--fork", "--mount-proc", "sh", "-ec",
      "echo \(level) > /proc/sys/vm/memfd_noexec; exec \"$@\"", "sh",
    ]
    guard level == 2 else { return try expectToLoad() }
    let outcome = try device.boot()
    #expect(outcome.stdout == "")
    #expect(outcome.stderr == "husk: bootrom: refused bootloader: internal\n")
    #expect(outcome.status == 101)
  }

  @Test("boots and loads where the kernel holds a page of a stage for a while, which can't be sealed then")
  func busyPages() throws {
    // Calls of fcntl(2): the ROM's first one seals.
    device.launcher = [
      "strace", "-qq", "-o", "/dev/null", "-e", "trace=fcntl", "-e", "inject=fcntl:error=EBUSY:when=1..3",
    ]
    try expectToLoad()
  }

  @Test("still covers the fuses, without Landlock")
  func fuses() throws {
    let scratch = try Scratch()
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch.directory.path)
    // What keeps the stages out must not be the file's mode alone.
    try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: device.fuses.path)
    try takeAway(["landlock"])
    let flags = ["-DFUSES=\"\(device.fuses.path)\"", "-DSCRATCH=\"\(scratch.directory.path)\""]
    for stage in Stage.allCases {
      let probe = try Compiler.program("probe_fuses", flags + (stage == .firmware ? [] : ["-static"]))
      try device.install(Stages.package(stage, image: Array(Data(contentsOf: probe))), as: stage)
      let outcome = try device.boot()
      let reached = Set(
        outcome.stderr.split(separator: "\n").filter { $0.hasPrefix("reached: ") }.map { String($0.dropFirst(9)) })
      #expect(outcome.stderr.contains("probe: 28 ways tried"), "\(stage)")
      // What needs another process that leaves itself open is what Landlock was for.
      #expect(reached.filter { !$0.contains("processes") && $0 != "tracing" }.isEmpty, "\(stage)")
    }
  }

  private func takeAway(_ features: [String]) throws {
    device.launcher = [try Compiler.program("without").path] + features + ["--"]
  }

  private func expectToLoad(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let outcome = try device.boot("modules/com.acme.codec.husk", "grants/com.acme.codec.grant")
    #expect(outcome.stdout == "firmware runs\nanswer 42\n", sourceLocation: sourceLocation)
    #expect(outcome.stderr == "", sourceLocation: sourceLocation)
    #expect(outcome.status == 0, sourceLocation: sourceLocation)
  }
}

extension ProtectionFact {
  /// For messages.
  fileprivate var words: String { "\(number) \(state.name) \(detail)" }
}

/// A part of a process's memory, as /proc/PID/smaps tells.
private struct Mapping {
  var name: String
  var flags: Set<String> = []

  static func all(of process: Int32) throws -> [Mapping] {
    var mappings: [Mapping] = []
    // Not Foundation: of a file that has no size it reads only the first part.
    for line in try run("cat", ["/proc/\(process)/smaps"]).stdout.split(separator: "\n") {
      let words = line.split(separator: " ")
      if line.hasPrefix("VmFlags:") {
        mappings[mappings.count - 1].flags = Set(words.dropFirst().map(String.init))
      } else if let first = words.first, first.contains("-"), !first.hasSuffix(":") {
        mappings.append(Mapping(name: words.count > 5 ? String(words[5]) : ""))
      }
    }
    return mappings
  }
}
