import CLinux
import DeviceSupport
import Foundation
import Protections
import TestSupport
import Testing

/// The platform's facts, of trees that stand for what kernels show.
@Suite("A platform")
struct PlatformTests {
  /// A root directory with files as given; links begin with `->`.
  private final class Tree {
    private let scratch: Scratch
    var path: String { scratch.directory.path }

    init(_ files: [String: String]) throws {
      scratch = try Scratch()
      for (name, contents) in PlatformTests.usual.merging(files, uniquingKeysWith: { $1 }) {
        if contents == absent { continue }
        let file = scratch.directory.appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        if contents.hasPrefix("->") {
          try FileManager.default.createSymbolicLink(
            atPath: file.path, withDestinationPath: String(contents.dropFirst(2)))
        } else {
          try Data(contents.utf8).write(to: file)
        }
      }
    }

    func facts() -> [ProtectionFact] {
      let root = linux_open_directory(path)
      defer { close(root) }
      return measurePlatform(below: root) + measureProcess(ModuleMemory(), below: root)
    }

    func fact(_ protection: Protection) throws -> ProtectionFact {
      try #require(facts().first { $0.number == protection.number })
    }
  }

  /// Stands for a file that isn't there.
  private static let absent = "absent"

  /// What every kernel shows that has `/proc` and `/sys`, with nothing of all this.
  private static let usual = [
    "proc/self/mountinfo": mounts("8:1 / / rw,relatime - ext4 /dev/sda1 rw"),
    "proc/swaps": swaps(),
    "proc/modules": "ext4 1 1 - Live 0x0\n",
    "proc/sys/vm/memfd_noexec": "0\n",
    "proc/sys/kernel/kexec_load_disabled": "0\n",
    "proc/sys/kernel/modules_disabled": "0\n",
    "proc/sys/kernel/core_pattern": "core\n",
    "proc/sys/kernel/yama/ptrace_scope": "0\n",
    "proc/sys/fs/suid_dumpable": "0\n",
    "sys/class/mem/null": "",
    "sys/power/disk": "[platform] shutdown reboot suspend\n",
    "sys/module/module/parameters/sig_enforce": "N\n",
    "sys/kernel/security/lsm": "lockdown,landlock\n",
    "sys/kernel/security/lockdown": "[none] integrity confidentiality\n",
  ]

  private static func mounts(_ lines: String...) -> String {
    "20 1 0:5 / /proc rw,nosuid shared:1 - proc proc rw\n" + lines.enumerated().map { "\(30 + $0) 1 \($1)\n" }.joined()
  }

  private static func swaps(_ lines: String...) -> String {
    "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" + lines.map { "\($0)\n" }.joined()
  }

  struct Case: CustomTestStringConvertible {
    let name: String
    let protection: Protection
    let state: ProtectionState
    let detail: UInt64
    let files: [String: String]
    var testDescription: String { name }

    init(
      _ name: String, _ protection: Protection, _ state: ProtectionState, _ detail: UInt64 = 0,
      _ files: [String: String] = [:]
    ) {
      (self.name, self.protection, self.state, self.detail, self.files) = (name, protection, state, detail, files)
    }

    init(_ name: String, _ protection: Protection, unknown reason: UnknownReason, _ files: [String: String]) {
      self.init(name, protection, .unknown, reason.rawValue, files)
    }
  }

  private static let mountinfo = "proc/self/mountinfo"

  static let roots: [Case] = [
    Case("plain ext4", .verifiedRoot, .inactive),
    Case(
      "dm-verity", .verifiedRoot, .active, 1,
      [
        mountinfo: mounts("254:0 / / ro - erofs /dev/dm-0 ro"),
        "sys/dev/block/254:0/dm/uuid": "CRYPT-VERITY-0123456789abcdef-vroot\n",
      ]),
    Case(
      "dm-crypt is not dm-verity", .verifiedRoot, .inactive, 0,
      [
        mountinfo: mounts("254:0 / / rw - ext4 /dev/dm-0 rw"),
        "sys/dev/block/254:0/dm/uuid": "CRYPT-LUKS2-0123456789abcdef-root\n",
      ]),
    Case(
      "a linear mapping on dm-verity", .verifiedRoot, .active, 1,
      [
        mountinfo: mounts("254:1 / / ro - ext4 /dev/dm-1 ro"), "sys/dev/block/254:1/dm/uuid": "LVM-abc\n",
        "sys/dev/block/254:1/slaves/dm-0/dm/uuid": "CRYPT-VERITY-01-v\n",
      ]),
    Case(
      "a mapping on dm-verity and something else", .verifiedRoot, .inactive, 0,
      [
        mountinfo: mounts("254:1 / / ro - ext4 /dev/dm-1 ro"), "sys/dev/block/254:1/dm/uuid": "LVM-abc\n",
        "sys/dev/block/254:1/slaves/dm-0/dm/uuid": "CRYPT-VERITY-01-v\n",
        "sys/dev/block/254:1/slaves/sda2/size": "1\n",
      ]),
    Case(
      "dm-verity covered by another root", .verifiedRoot, .inactive, 0,
      [
        mountinfo: mounts("254:0 / / ro - erofs /dev/dm-0 ro", "8:1 / / rw - ext4 /dev/sda1 rw"),
        "sys/dev/block/254:0/dm/uuid": "CRYPT-VERITY-01-vroot\n",
      ]),
    Case(
      "dm-verity elsewhere", .verifiedRoot, .inactive, 0,
      [
        mountinfo: mounts("8:1 / / rw - ext4 /dev/sda1 rw", "254:0 / /opt ro - erofs /dev/dm-0 ro"),
        "sys/dev/block/254:0/dm/uuid": "CRYPT-VERITY-01-vroot\n",
      ]),
    Case(
      "composefs that demands fs-verity", .verifiedRoot, .active, 2,
      [mountinfo: mounts("0:30 / / ro shared:1 master:2 - overlay composefs ro,lowerdir=/a::/b,verity=require")]),
    Case(
      "an overlay that doesn't", .verifiedRoot, .inactive, 0,
      [mountinfo: mounts("0:30 / / rw - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c,verity=on")]),
    Case(
      "an initial RAM file system", .verifiedRoot, unknown: .notVisible,
      [mountinfo: mounts("0:2 / / rw - rootfs rootfs rw")]),
    Case("no /proc", .verifiedRoot, unknown: .noSource, [mountinfo: absent]),
    Case("nothing that is a root", .verifiedRoot, unknown: .unreadable, [mountinfo: "x y\n"]),
  ]

  static let swapAreas: [Case] = [
    Case("no swap", .noPlainSwap, .active),
    Case("no swap in the kernel", .noPlainSwap, .active, 0, ["proc/swaps": absent]),
    Case("no /proc", .noPlainSwap, unknown: .noSource, ["proc/swaps": absent, mountinfo: absent]),
    Case(
      "a partition", .noPlainSwap, .inactive, 1,
      ["proc/swaps": swaps("/dev/sda2 partition\t1\t0\t-2"), "sys/class/block/sda2/size": "1\n"]),
    Case(
      "dm-crypt", .noPlainSwap, .active, 1,
      [
        "proc/swaps": swaps("/dev/dm-1 partition\t1\t0\t-2"),
        "sys/class/block/dm-1/dm/uuid": "CRYPT-PLAIN-swap\n",
      ]),
    Case(
      "a volume on LUKS", .noPlainSwap, .active, 1,
      [
        "proc/swaps": swaps("/dev/dm-2 partition\t1\t0\t-2"), "sys/class/block/dm-2/dm/uuid": "LVM-swap\n",
        "sys/class/block/dm-2/slaves/dm-0/dm/uuid": "CRYPT-LUKS2-abc-disk\n",
      ]),
    Case(
      "dm-verity is no encryption", .noPlainSwap, .inactive, 1,
      [
        "proc/swaps": swaps("/dev/dm-1 partition\t1\t0\t-2"),
        "sys/class/block/dm-1/dm/uuid": "CRYPT-VERITY-0-x\n",
      ]),
    Case(
      "zram", .noPlainSwap, .active, 1,
      [
        "proc/swaps": swaps("/dev/zram0 partition\t1\t0\t100"), "sys/class/block/zram0/backing_dev": "none\n",
      ]),
    Case(
      "zram that writes back", .noPlainSwap, .inactive, 1,
      [
        "proc/swaps": swaps("/dev/zram0 partition\t1\t0\t100"), "sys/class/block/zram0/backing_dev": "/dev/sda3\n",
      ]),
    Case(
      "zram and a file and a partition", .noPlainSwap, .inactive, 2,
      [
        "proc/swaps": swaps(
          "/dev/zram0 partition\t1\t0\t100", "/swap\\040file file\t1\t0\t-2", "/dev/sda2 partition\t1\t0\t-3"),
        "sys/class/block/zram0/size": "1\n", "sys/class/block/sda2/size": "1\n", "swap file": "",
      ]),
    Case(
      "a file that can't be found", .noPlainSwap, unknown: .unreadable,
      ["proc/swaps": swaps("/swapfile file\t1\t0\t-2")]),
  ]

  static let settings: [Case] = [
    Case("hibernation", .noHibernation, .inactive),
    Case("without it", .noHibernation, .active, 1, ["sys/power/disk": absent]),
    Case("turned off", .noHibernation, .active, 2, ["sys/power/disk": "[disabled]\n"]),
    Case("memfd_noexec 0", .memfdNoexec, .inactive),
    Case("memfd_noexec 1", .memfdNoexec, .active, 1, ["proc/sys/vm/memfd_noexec": "1\n"]),
    Case("memfd_noexec 2", .memfdNoexec, .active, 2, ["proc/sys/vm/memfd_noexec": "2\n"]),
    Case("before memfd_noexec", .memfdNoexec, .inactive, 0, ["proc/sys/vm/memfd_noexec": absent]),
    Case("not a number", .memfdNoexec, unknown: .unreadable, ["proc/sys/vm/memfd_noexec": "?\n"]),
    Case(
      "memfd_noexec without /proc", .memfdNoexec, unknown: .noSource,
      ["proc/sys/vm/memfd_noexec": absent, mountinfo: absent]),
    Case("no lockdown", .kernelLockdown, .inactive),
    Case("integrity", .kernelLockdown, .inactive, 1, [lockdown: "none [integrity] confidentiality\n"]),
    Case("confidentiality", .kernelLockdown, .active, 2, [lockdown: "none integrity [confidentiality]\n"]),
    Case("a kernel without lockdown", .kernelLockdown, .inactive, 0, [lockdown: absent]),
    Case(
      "no securityfs", .kernelLockdown, unknown: .noSource, [lockdown: absent, "sys/kernel/security/lsm": absent]),
    Case("another lockdown", .kernelLockdown, unknown: .unreadable, [lockdown: "[other]\n"]),
    Case("kexec", .noKexec, .inactive),
    Case("kexec turned off", .noKexec, .active, 2, ["proc/sys/kernel/kexec_load_disabled": "1\n"]),
    Case("no kexec", .noKexec, .active, 1, ["proc/sys/kernel/kexec_load_disabled": absent]),
    Case("kexec in lockdown", .noKexec, .active, 3, [lockdown: "none [integrity] confidentiality\n"]),
    Case("any kernel module", .signedKernelModules, .inactive),
    Case("no kernel modules", .signedKernelModules, .active, 1, ["proc/modules": absent]),
    Case("no more modules", .signedKernelModules, .active, 2, ["proc/sys/kernel/modules_disabled": "1\n"]),
    Case("modules in lockdown", .signedKernelModules, .active, 3, [lockdown: "none [integrity] confidentiality\n"]),
    Case(
      "signed modules", .signedKernelModules, .active, 4, ["sys/module/module/parameters/sig_enforce": "Y\n"]),
    Case(
      "a kernel without signatures", .signedKernelModules, .inactive, 0,
      [
        "sys/module/module/parameters/sig_enforce": absent
      ]),
    Case("core files", .noCorePipe, .active),
    Case("a program for core dumps", .noCorePipe, .inactive, 0, [corePattern: "|/usr/lib/dumper %p\n"]),
    Case("a socket for core dumps", .noCorePipe, .inactive, 0, [corePattern: "@/run/dumper\n"]),
    Case("no core dumps", .noCorePipe, .active, 1, [corePattern: absent]),
    Case("suid_dumpable 0", .noSuidDumps, .active),
    Case("suid_dumpable 1", .noSuidDumps, .inactive, 1, ["proc/sys/fs/suid_dumpable": "1\n"]),
    Case("suid_dumpable 2", .noSuidDumps, .active, 2, ["proc/sys/fs/suid_dumpable": "2\n"]),
    Case("ptrace_scope 0", .ptraceRestricted, .inactive),
    Case("ptrace_scope 1", .ptraceRestricted, .active, 1, ["proc/sys/kernel/yama/ptrace_scope": "1\n"]),
    Case("no Yama", .ptraceRestricted, .inactive, 0, ["proc/sys/kernel/yama/ptrace_scope": absent]),
    // Whatever the kernel shows.
    Case("a mock", .hardwareIsolation, .inactive), Case("a mock ROM", .fusedRootOfTrust, .inactive),
  ]

  private static let lockdown = "sys/kernel/security/lockdown"
  private static let corePattern = "proc/sys/kernel/core_pattern"

  @Test("has a root file system that is verified, or not", arguments: roots)
  func root(_ example: Case) throws { try check(example) }

  @Test("has swap that a disk's reader can read, or not", arguments: swapAreas)
  func swap(_ example: Case) throws { try check(example) }

  @Test("is set so that root and crashes get at memory, or not", arguments: settings)
  func setting(_ example: Case) throws { try check(example) }

  @Test("has an open physical memory if root can read a byte of it", .enabled(if: isRoot, "takes CAP_SYS_RAWIO"))
  func physicalMemory() throws {
    func fact(_ files: [String: String]) throws -> ProtectionFact { try Tree(files).fact(.physicalMemoryClosed) }
    func found(_ state: ProtectionState, _ detail: UInt64 = 0) -> ProtectionFact {
      ProtectionFact(.physicalMemoryClosed, state, detail: detail)
    }
    let memory = [
      "sys/class/mem/mem": "", "proc/iomem": "00001000-0009ffff : System RAM\n00100000-00100fff : System RAM\n",
    ]
    let open = String(repeating: "x", count: 0x100001)
    #expect(try fact([:]) == found(.active))
    #expect(try fact(memory.merging(["dev/mem": open], uniquingKeysWith: { $1 })) == found(.inactive, 1))
    #expect(try fact(["proc/kcore": "x"]) == found(.inactive, 2))
    #expect(
      try fact(memory.merging(["dev/mem": open, "proc/kcore": "x"], uniquingKeysWith: { $1 })) == found(.inactive, 3))
    // The kernel has it, but there is no node, or it can't be told where memory is.
    #expect(try fact(memory) == ProtectionFact(.physicalMemoryClosed, unknown: .notVisible))
    #expect(
      try fact(["sys/class/mem/mem": "", "dev/mem": open])
        == ProtectionFact(.physicalMemoryClosed, unknown: .noSource))
    #expect(
      try fact(["proc/kcore": "x", "sys/class/mem/mem": "", "dev/mem": open]) == found(.inactive, 2))
  }

  @Test("is told of in order, whatever it shows")
  func order() throws {
    let expected = Protection.allCases.filter { $0.reporter == .platform }.map(\.number)
    #expect(measurePlatform().map(\.number) == expected)
    #expect(measurePlatform(below: -1).map(\.number) == expected)
    for fact in measurePlatform(below: -1) where fact.protection != .hardwareIsolation {
      #expect(fact.state != .active, "\(fact)")
    }
  }

  @Test("that may not be looked at is unknown", .enabled(if: isRoot, "becoming another user takes root"))
  func forbidden() throws {
    let tree = try Tree([:])
    for folder in ["proc", "sys"] {
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: "\(tree.path)/\(folder)")
    }
    let root = linux_open_directory(tree.path)
    defer { close(root) }
    let told = inForkedChild {
      guard linux_become(65534, 65534) == 0 else { return 100 }
      let forbidden = ProtectionFact(.verifiedRoot, unknown: .noPermission)
      // All but the two that no kernel shows.
      return Int32(
        measurePlatform(below: root).dropLast(2).count { $0.state != .unknown || $0.detail != forbidden.detail })
    }
    #expect(told == .status(0))
  }

  private func check(_ example: Case) throws {
    let fact = try Tree(example.files).fact(example.protection)
    #expect(fact == ProtectionFact(example.protection, example.state, detail: example.detail))
  }

  private static let isRoot = geteuid() == 0
}
