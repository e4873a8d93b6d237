import BootChain
import CLinux
import DeviceSupport
import Foundation
import TestSupport
import Testing

/// What code that an attacker has got to run inside of a process could ask of the kernel: inside.c has the real processes
/// of a device ask for all of it (SPEC 7.5).
@Suite("From inside of", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct InsideTests {
  /// What doesn't end the process is refused.
  private static let refusals = [
    "clone3": "ENOSYS", "kill of process 1": "EPERM", "a memory file beyond the limit": "EFBIG",
    "memory beyond the limit": "ENOMEM", "descriptors beyond the limit": "EMFILE",
  ]

  @Test("the decryptor nothing is within reach: no path, socket, program, code, process, name space, nor more memory")
  func decryptor() throws {
    let client = try Device.withCounter().startSecureWorld()
    let identity = try client.identity()
    let decryptor = try client.decryptor()
    let outcome = try run(Compiler.program("inside").path, ["\(decryptor)"])
    try expectConfined(outcome)
    #expect(try client.identity() == identity)
    #expect(try client.decryptor() == decryptor)
  }

  @Test("a worker neither")
  func worker() throws {
    let client = try Device.withCounter().startSecureWorld()
    let identity = try client.identity()
    let tool = try Conversation(Compiler.program("inside").path, ["\(client.decryptor())", "worker"])
    try tool.wait(for: "ready\n")
    // For this request the worker comes to be.
    #expect(try client.identity() == identity)
    try expectConfined(tool.end())
    #expect(try client.identity() == identity)
  }

  /// Whether this kernel can bind a process without what it starts.
  private static let refusesNewCode = inForkedChild { linux_refuse_new_code(0) } == .status(0)

  @Test(
    "the bootloader no memory that is or was writable becomes code, while the firmware may compile",
    .enabled(if: refusesNewCode, "PR_SET_MDWE with PR_MDWE_NO_INHERIT takes Linux 6.6"))
  func code() throws {
    let device = try Device.withCounter()
    let command = device.romCommand(["waits", "com.acme.counter"])
    let boot = try Conversation(command[0], Array(command.dropFirst()))
    try boot.wait(for: "ready")
    let attempts = [
      "mprotect to executable", "mprotect to writable and executable", "pkey_mprotect to executable",
      "mmap writable and executable",
    ]
    let bootloader = try outcomes(run(Compiler.program("inside").path, ["\(boot.id)", "code"]))
    for attempt in attempts { #expect(bootloader[attempt] == "EACCES", "\(attempt)") }

    let firmware = try #require(childProcesses(of: boot.id).first { try user(of: $0) == Platform.firmwareUser })
    let compiling = try outcomes(run(Compiler.program("inside").path, ["\(firmware)", "code"]))
    for attempt in attempts { #expect(compiling[attempt] == "succeeded", "\(attempt)") }
    // What a process without any sandbox asks for, it gets.
    let free = try outcomes(run(Compiler.program("inside").path, ["\(firmware)"]))
    for attempt in ["openat", "UNIX socket", "execve", "pipe", "memory beyond the limit"] {
      #expect(free[attempt] == "succeeded", "\(attempt)")
    }
    #expect(try boot.end().status == 1)
  }

  private func expectConfined(_ outcome: Outcome) throws {
    let outcomes = try outcomes(outcome)
    #expect(outcomes.count > 70)
    for (attempt, answer) in outcomes {
      #expect(answer == Self.refusals[attempt] ?? "killed", "\(attempt)")
    }
  }

  private func outcomes(_ outcome: Outcome) throws -> [String: String] {
    #expect(outcome.status == 0, "\(outcome)")
    let lines = outcome.stdout.split(separator: "\n").filter { $0 != "ready" }
    return try Dictionary(
      uniqueKeysWithValues: lines.map { line in
        let parts = line.split(separator: ":")
        return (String(try #require(parts.first)), try #require(parts.last).trimmingCharacters(in: .whitespaces))
      })
  }
}
