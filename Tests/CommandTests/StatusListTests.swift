import DeviceSupport
import Foundation
import Testing

@Suite("husk status-list")
struct StatusListCommandTests {
  private let desk: Desk
  private let signing = ["status-list", "--key", "status.pem", "--chain", "status.chain", "--scope", "com.acme."]

  init() throws {
    desk = try Desk()
    try desk.make("keygen", "-o", "root.pem")
    try desk.make("keygen", "-o", "status.pem")
    try desk.make("keygen", "-o", "lost.pem")
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "status.pub", "--subject", "Acme", "--role", "status",
      "--scope", "com.acme.", "-o", "status.chain")
  }

  private func sign(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
    let outcome = try desk.husk(signing + words)
    #expect(outcome.stderr == "", sourceLocation: sourceLocation)
    #expect(outcome.status == 0, sourceLocation: sourceLocation)
  }

  private func refuse(_ words: String..., error: String) throws {
    let before = try desk.contents()
    let outcome = try desk.husk(signing + words)
    #expect(outcome.stderr.hasPrefix("husk: error: \(error)\n"), "\(outcome.stderr)")
    #expect(outcome.status == 1)
    #expect(try desk.contents() == before)
  }

  @Test("carries the entries of the list before on, and counts up")
  func following() throws {
    try sign("--refuse-version", "com.acme.codec=1.0.0..1.2.3", "--lowest", "com.acme.codec=4", "-o", "1.status")
    try sign(
      "--previous", "1.status", "--refuse-key", "lost.pub", "--lowest", "com.acme.codec=3", "--lowest",
      "com.acme.other=2", "-o", "2.status")
    let first = try desk.report("inspect", "1.status")
    #expect(first["number"] as? Int == 1)
    #expect(first["refusedKeys"] as? [String] == [])
    let second = try desk.report("inspect", "2.status")
    #expect(second["number"] as? Int == 2)
    #expect(second["scope"] as? String == "com.acme.")
    #expect(second["refusedVersions"] as? [String] == ["com.acme.codec 1.0.0..1.2.3"])
    #expect(second["lowestSecurityVersions"] as? [String] == ["com.acme.codec 4", "com.acme.other 2"])
    let lost = try desk.report("inspect", "lost.pub")
    #expect(second["refusedKeys"] as? [String] == [try #require(lost["thumbprint"] as? String)])
    let verified = try desk.husk("verify", "2.status", "--root", "root.pub")
    #expect(verified.stdout == "ok: status list 2 of com.acme.\n")
  }

  @Test("leaves out what was a mistake, of any kind, and nothing in silence")
  func dropping() throws {
    try desk.furnishVendor()
    try desk.pack()
    try sign(
      "--refuse-version", "com.acme.codec=1.0.0..1.2.3", "--refuse-version", "com.acme.other=1.0.0..1.0.0",
      "--refuse-key", "lost.pub", "--refuse-package", "codec.husk", "--lowest", "com.acme.codec=40", "-o", "1.status")
    let first = try desk.report("inspect", "1.status")
    let package = try #require((first["refusedPackages"] as? [String])?.first)
    let key = try #require((first["refusedKeys"] as? [String])?.first)
    try sign(
      "--previous", "1.status", "--drop", "com.acme.codec=1.0.0..1.2.3", "--drop", key, "--drop", package, "--drop",
      "com.acme.codec 40", "--lowest", "com.acme.codec=4", "-o", "2.status")
    let second = try desk.report("inspect", "2.status")
    #expect(second["number"] as? Int == 2)
    #expect(second["refusedVersions"] as? [String] == ["com.acme.other 1.0.0..1.0.0"])
    #expect(second["refusedKeys"] as? [String] == [])
    #expect(second["refusedPackages"] as? [String] == [])
    #expect(second["lowestSecurityVersions"] as? [String] == ["com.acme.codec 4"])
    try refuse(
      "--previous", "2.status", "--drop", "com.acme.codec=1.0.0..1.2.3", "-o", "3.status",
      error: "the list before has no entry com.acme.codec=1.0.0..1.2.3")
    #expect(try desk.husk(signing + ["--drop", key, "-o", "3.status"]).status == 2)
  }

  @Test("refuses what no device would take, and says why")
  func refusals() throws {
    try sign("-o", "1.status")
    try refuse(
      "--refuse-version", "org.other.codec=1.0.0..1.0.0", "-o", "x.status",
      error: "status.chain: a name is outside the list's scope (malformed)")
    try refuse(
      "--scope", "org.other.", "-o", "x.status",
      error: "status.chain: the chain's scope, com.acme., doesn't cover this name (scope-violation)")
    try refuse(
      "--scope", "com.acme.audio.", "--previous", "1.status", "-o", "x.status",
      error: "status.chain: the previous list speaks for another scope")
    try refuse("-o", "1.status", error: "1.status: already exists")
    try desk.make("keygen", "-o", "other.pem")
    try desk.make(
      "certify", "--key", "other.pem", "--subject-key", "status.pub", "--subject", "Acme", "--role", "status",
      "--scope", "com.acme.", "-o", "other.chain")
    try refuse(
      "--chain", "other.chain", "--previous", "1.status", "-o", "x.status",
      error: "1.status: it was certified under a root that isn't trusted (untrusted-root)")
    let unlimited = try desk.husk(signing + ["--scope", "", "-o", "x.status"])
    #expect(unlimited.status == 2)
    #expect(unlimited.stderr.contains("a status list speaks for a scope of its own, such as com.acme."))
    var damaged = try desk.read("1.status")
    damaged[damaged.count - 1] ^= 1
    try desk.write("damaged.status", damaged)
    try refuse(
      "--previous", "damaged.status", "-o", "x.status",
      error: "damaged.status: the signature of the status list doesn't verify (signature-invalid)")
  }
}
