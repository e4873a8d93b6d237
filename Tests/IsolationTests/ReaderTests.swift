import DeviceSupport
import Foundation
import Testing

/// Processes of other users, and of the very users of decryptor and firmware, try to get into them (SPEC 7.3, 15.1).
@Suite("An unprivileged process", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct ReaderTests {
  /// Nobody, the decryptor's user, the firmware's user.
  private static let users = ["65534", "64901", "64902"]

  @Test("gets into no stage, from its first instruction on, in 200 boots with loads")
  func boots() throws {
    let device = try Device.withCounter()
    let attackers = try attackers(of: "attacked-boot")
    for _ in 0..<200 {
      let outcome = try device.boot("status", "com.acme.counter", "attacked-boot")
      #expect(outcome.stdout == "load: 0\n", "\(outcome)")
    }
    try expectDefence(attackers, processes: 200 * 3)
  }

  @Test("gets into no stage, nor a worker, while modules are loaded")
  func loads() throws {
    let device = try Device.withCounter()
    let attackers = try attackers(of: "attacked-loads")
    let outcome = try device.boot("cycle", "com.acme.counter", "500", "attacked-loads")
    #expect(outcome.stdout.hasPrefix("mappings"), "\(outcome)")
    try expectDefence(attackers, processes: 3)
  }

  @Test("would get into a stage that is executed from a file that it may read")
  func control() throws {
    let attackers = try attackers(of: "attacked-weakness")
    try require(Compiler.program("weak_stages", ["-static"]).path, ["attacked-weakness", "200", "64901"])
    let reports = try attackers.map { try $0.end().stdout }
    for way in [
      "stealing descriptor 3", "descriptors", "memory", "mappings", "remote read", "tracing", "environment",
      "comparison",
    ] {
      #expect(reports[1].contains("reached: \(way) into "), "\(way): \(reports[1])")
    }
    // Not even that helps another user.
    #expect(!reports[0].contains("reached"), "\(reports[0])")
    #expect(!reports[2].contains("reached"), "\(reports[2])")
  }

  @Test("can't send a signal to the decryptor, not even one that stops it", arguments: ["65534", "64902"])
  func signals(user: String) throws {
    let client = try Device.withCounter().startSecureWorld()
    let identity = try client.identity()
    let decryptor = try client.decryptor()
    for signal in ["0", "STOP", "ABRT", "QUIT", "TERM", "KILL"] {
      let outcome = try run(
        "setpriv", ["--reuid", user, "--regid", user, "--clear-groups", "/bin/kill", "-s", signal, "\(decryptor)"])
      #expect(outcome.status == 1 && outcome.stderr.contains("Operation not permitted"), "\(signal): \(outcome)")
    }
    #expect(try client.identity() == identity)
    #expect(try client.decryptor() == decryptor)
  }

  @Test("of the same user doesn't look into the tool, as it would into another program", arguments: ["husk", "cat"])
  func tool(name: String) throws {
    let scratch = try Scratch()
    let program = scratch.directory.appending(path: name)
    try FileManager.default.copyItem(
      at: name == "husk" ? URL(filePath: Workshop.tool) : URL(filePath: "/bin/cat"), to: program)
    let pipe = scratch.directory.appending(path: "pipe").path
    try #require(mkfifo(pipe, 0o644) == 0)
    let asNobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
    let process = try Program("setpriv", asNobody + [program.path] + (name == "husk" ? ["inspect"] : []) + [pipe])
    // Opens when the program has opened its end, and so runs.
    let end = open(pipe, O_WRONLY | O_CLOEXEC)
    try #require(end >= 0)
    let outcome = try run("setpriv", asNobody + ["cat", "/proc/\(process.id)/maps"])
    #expect(outcome.stdout.isEmpty == (name == "husk"), "\(outcome)")
    close(end)
    _ = try process.outcome()
  }

  /// Starts an attacker of each user on the processes of a command line with `marker` in it.
  private func attackers(of marker: String) throws -> [Conversation] {
    let program = try Compiler.program("attacker")
    return try Self.users.map { try startHelper(program, [$0, marker]) }
  }

  /// None got anywhere, and nearly all processes were attacked: one that is as quick as a stage's start may be missed.
  private func expectDefence(_ attackers: [Conversation], processes: Int) throws {
    for attacker in attackers {
      let report = try attacker.end().stdout
      #expect(!report.contains("reached"), "\(report)")
      let count = try #require(report.firstMatch(of: /attacked ([0-9]+) processes/))
      #expect(try #require(Int(count.output.1)) > processes / 2, "\(report)")
    }
  }
}
