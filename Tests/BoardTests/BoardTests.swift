import DeviceSupport
import ErrorClass
import Foundation
import TestSupport
import Testing

/// The real chain on real kernels, Debian 12's for x86-64 and AArch64 (SPEC 13.2): see scripts/board.sh.
@Suite("A board", .serialized, .enabled(if: boardsAvailable, needsBoards))
struct BoardTests {
  @Test("runs the codec to the same bytes as the simulator does", arguments: Architecture.allCases)
  func runsTheCodec(on architecture: Architecture) throws {
    let bench = try Bench.of(architecture)
    let encoded = bench.directory.appending(path: "encoded.wav")
    let outcome = try bench.board("sample", "encode", "melody.wav", "-", output: encoded.path)
    // The codec's package asks for execute-only text.
    let warning =
      "firmware: warning: the module's code stays readable: this processor or kernel has no execute-only memory\n"
    #expect(outcome.stderr == (architecture == .x86_64 ? "" : warning))
    #expect(outcome.status == 0)
    let simulated = try Bench.of(.host).simulate("sample", "encode", "melody.wav", "-")
    #expect(simulated.count > 30_000)
    #expect(try Data(contentsOf: encoded) == simulated)
  }

  @Test("has the identity that the simulator gives the same device")
  func hasTheSimulatorsIdentity() throws {
    let bench = try Bench.of(.host)
    try bench.husk("sim", "identity", "sample", "-o", "simulated.identity")
    let simulated = try Data(contentsOf: bench.directory.appending(path: "simulated.identity"))
    #expect(try Data(contentsOf: bench.identity) == simulated)
  }

  @Test(
    "loads what is granted and intact, Debian's liblz4 among it, and refuses the rest",
    arguments: Architecture.allCases)
  func loads(on architecture: Architecture) throws {
    let outcome = try Bench.of(architecture).board(
      "looking", "load=com.example.adpcm", "load=com.example.damaged", "load=com.example.foreign",
      "lz4=com.example.lz4", "decryptor", "first", "protections", "exit=7")
    let expected = """
      load com.example.adpcm: 0
      load com.example.damaged: \(ErrorClass.digestMismatch.rawValue)
      load com.example.foreign: \(ErrorClass.wrongArchitecture.rawValue)
      lz4 1.9.4 from memory: 77677 bytes, 44575 compressed, and back

      """
    #expect(outcome.stdout.hasPrefix(expected), "\(outcome.stdout)")
    #expect(outcome.stderr == "")
    #expect(outcome.status == 7)

    // The two processes that hold anything: the decryptor, and the one that can switch the board off.
    let confinement = outcome.stdout.dropFirst(expected.count)
    let expectedConfinement = """
      Uid:\t64901\t64901\t64901\t64901
      Gid:\t64901\t64901\t64901\t64901
      Groups:\t\u{20}
      CapPrm:\t0000000000000000
      CapEff:\t0000000000000000
      CapBnd:\t00000000000000e0
      NoNewPrivs:\t1
      Seccomp:\t2
      Uid:\t0\t0\t0\t0
      Gid:\t0\t0\t0\t0
      Groups:\t\u{20}
      CapPrm:\t0000000000400000
      CapEff:\t0000000000400000
      CapBnd:\t0000000000400000
      NoNewPrivs:\t1
      Seccomp:\t0
      kill 1: Operation not permitted
      open /proc/1/mem: Permission denied
      open /proc/1/root/fuses/fuses: Permission denied
      open /fuses/fuses: Permission denied
      open /board/status: Permission denied
      open /board/stdout: Permission denied

      """
    #expect(confinement.hasPrefix(expectedConfinement), "\(confinement)")
    expectProtections(
      [
        "secret-memory": "active", "memory-locked": "active", "not-dumpable": "active", "no-new-privileges": "active",
        "unprivileged-user": "active", "seccomp": "active", "landlock": "active", "no-core-files": "active",
        "module-locked": "active", "module-not-dumped": "active", "process-not-dumpable": "active",
        "process-unprivileged": "active", "no-plain-swap": "active", "kernel-lockdown": "inactive",
        // Linux 6.1 lacks what came with 6.3: PR_SET_MDWE and MFD_NOEXEC_SEAL.
        "no-write-execute": "inactive", "noexec-module-files": "inactive", "process-no-write-execute": "inactive",
        // By protection keys, which the emulated Arm processor has no equal of.
        "execute-only-text": architecture == .x86_64 ? "active" : "inactive",
      ], in: confinement.dropFirst(expectedConfinement.count))
  }

  /// Expects states of protections (SPEC 15.5) in a text that on_board.c printed.
  private func expectProtections(
    _ expected: [String: String], in text: some StringProtocol, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let lines = text.split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.count > 2 }
    let states = Dictionary(lines.map { (String($0[1]), String($0[2])) }, uniquingKeysWith: { first, _ in first })
    for (name, state) in expected {
      #expect(states[name] == state, "\(name)", sourceLocation: sourceLocation)
    }
  }

  @Test("refuses another device's grants", arguments: Architecture.allCases)
  func refusesOtherGrants(on architecture: Architecture) throws {
    let outcome = try Bench.of(architecture).board("other", "kernel", "load=com.example.adpcm")
    let expected = """
      kernel 6.1. \(architecture)
      memfd_secret: yes
      MFD_NOEXEC_SEAL: Invalid argument
      Landlock: yes
      protection keys: \(architecture == .x86_64 ? "yes" : "Function not implemented")
      load com.example.adpcm: \(ErrorClass.wrongDevice.rawValue)

      """
    #expect(outcome.stdout == expected)
    #expect(outcome.status == 0)
  }

  @Test(
    "works on a kernel without Landlock and secret memory, and ends with its firmware's signal",
    arguments: Architecture.allCases)
  func worksWithLess(on architecture: Architecture) throws {
    let outcome = try Bench.of(architecture).board(
      "looking", "kernel", "load=com.example.adpcm", "protections", "signal=9", kernel: "lsm= secretmem.enable=0")
    #expect(outcome.stdout.contains("memfd_secret: Function not implemented\n"))
    #expect(outcome.stdout.contains("Landlock: Operation not supported\n"))
    #expect(outcome.stdout.contains("load com.example.adpcm: 0\n"))
    expectProtections(
      ["secret-memory": "inactive", "landlock": "inactive", "memory-locked": "active", "seccomp": "active"],
      in: outcome.stdout)
    #expect(outcome.stderr == "")
    #expect(outcome.status == 128 + SIGKILL)
  }

  @Test("runs the other slot when a stage was tampered with, and nothing when both slots were")
  func refusesTamperedStages() throws {
    let bench = try Bench.of(.host)
    try bench.copy("sample", "tampered")
    try bench.damage("tampered/flash/boot/a/bootloader.husk")
    let fallen = try bench.board("tampered", "modules")
    #expect(fallen.stdout.hasPrefix("com.example.adpcm"))
    #expect(fallen.stderr == "husk: bootrom: slot a: refused bootloader: digest-mismatch; running slot b\n")
    #expect(fallen.status == 0)
    try bench.damage("tampered/flash/boot/b/bootloader.husk")
    let refused = try bench.board("tampered", "modules")
    #expect(refused.stdout == "")
    #expect(refused.stderr == "husk: bootrom: refused bootloader: digest-mismatch\n")
    #expect(refused.status == 101)
  }

  @Test("refuses a validly signed firmware in the decryptor's place", arguments: Architecture.allCases)
  func refusesWrongRoles(on architecture: Architecture) throws {
    let bench = try Bench.of(architecture)
    try bench.copy("sample", "swapped")
    for slot in ["a", "b"] {
      let boot = bench.directory.appending(path: "swapped/flash/boot/\(slot)")
      let decryptor = boot.appending(path: "decryptor.husk")
      guard FileManager.default.fileExists(atPath: decryptor.path) else { continue }
      try FileManager.default.removeItem(at: decryptor)
      try FileManager.default.copyItem(at: boot.appending(path: "firmware.husk"), to: decryptor)
    }
    let outcome = try bench.board("swapped", "modules")
    #expect(outcome.stdout == "")
    #expect(outcome.stderr == "husk: bootrom: refused decryptor: role-mismatch\n")
    #expect(outcome.status == 101)
  }

  @Test("is switched off when it takes too long")
  func isSwitchedOff() throws {
    let outcome = try Bench.of(.host).board("sample", "modules", limit: 1)
    #expect(outcome.stdout == "")
    #expect(outcome.stderr.hasPrefix("husk: error: the board was still running after 1 seconds\n"))
    #expect(outcome.status == 124)
  }

  @Test("tells that its ROM can't run, with the kernel's last words")
  func tellsWhatTheKernelSaid() throws {
    let bench = try Bench.of(.host)
    try bench.copy("sample", "mute")
    try Data().write(to: bench.directory.appending(path: "mute/rom/bootrom"))
    let outcome = try bench.board("mute", "modules")
    #expect(outcome.stdout == "")
    #expect(outcome.stderr.hasPrefix("husk: error: the board ended without a status; its kernel's last words:\n"))
    #expect(outcome.stderr.contains("Kernel panic"))
    #expect(outcome.status == 125)
  }
}
