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
    for way in ["stealing descriptor 3", "descriptors", "memory", "mappings", "remote read", "tracing"] {
      #expect(reports[1].contains("reached: \(way) into "), "\(way): \(reports[1])")
    }
    // Not even that helps another user.
    #expect(!reports[0].contains("reached"), "\(reports[0])")
    #expect(!reports[2].contains("reached"), "\(reports[2])")
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
