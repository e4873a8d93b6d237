import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HuskFormat
import Testing

@Suite("husk grant")
struct GrantTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.pack()
    try desk.makeIdentity()
  }

  @Test("issues grants that verify, with rising sequence numbers")
  func sequence() throws {
    for number in 1...3 {
      #expect(
        try grant(["--not-after", "2090-01-01", "--versions", "1.0.0..1.9.9", "-o", "\(number).grant"]).stderr == "")
      let report = try desk.report("inspect", "\(number).grant")
      #expect(report["sequence"] as? Int == number)
      #expect(report["versions"] as? String == "1.0.0..1.9.9")
      #expect(report["notAfter"] as? String == "2090-01-01T23:59:59Z")
      let verified = try desk.husk("verify", "\(number).grant", "--root", "root.pub")
      #expect(verified.stdout.hasPrefix("ok: grant of com.acme.codec, epoch 1, for device "))
    }
    #expect(try desk.husk("vault", "info", "acme.vault").stdout.contains("grants   3"))
  }

  @Test("takes the features from a file")
  func features() throws {
    try desk.write("features", [1, 2, 0xff])
    #expect(try grant(["--features", "features", "-o", "a.grant"]).status == 0)
    #expect(try desk.report("inspect", "a.grant")["features"] as? String == "0102ff")
    try desk.write("features", [UInt8](repeating: 1, count: 1025))
    try refuse(
      ["--features", "features", "-o", "b.grant"], error: "features: is larger than 1024 bytes (limit-exceeded)")
  }

  @Test("refuses devices that it can't trust, and leaves the vault as it is")
  func untrusted() throws {
    try desk.make("keygen", "-o", "other.pem")
    try refuse(
      ["--device-root", "other.pub", "-o", "a.grant"], replacing: "--device-root",
      error: "unit.identity: it was certified under a root that isn't trusted (untrusted-root)")
    try refuse(
      ["--identity", "codec.husk", "-o", "a.grant"],
      error:
        "codec.husk: not a Husk file of the expected kind (malformed)\nhusk: hint: husk inspect tells what a file is")

    // Genuine silicon, but somebody else's secure world.
    try desk.make(
      "certify", "--key", "other.pem", "--subject-key", "acme.pub", "--subject", "Acme", "--role", "grant", "--scope",
      "com.acme.", "-o", "other.chain")
    try refuse(
      ["--chain", "other.chain", "--boot-root", "other.pub", "-o", "a.grant"], replacing: "--boot-root",
      error:
        "unit.identity: the device's secure world was started under a boot root that isn't trusted here (untrusted-root)"
    )
  }

  @Test("trusts the boot roots that the vendor names, never the one in a chain file")
  func bootRoots() throws {
    try desk.make("keygen", "-o", "other.pem")
    // Whoever hands out chains can't decide what starts secure worlds.
    try refuse(
      ["--boot-root", "other.pub", "-o", "a.grant"], replacing: "--boot-root",
      error: "acme.chain: it was certified under a root that isn't trusted (untrusted-root)")
    #expect(try grant(["--boot-root", "other.pub", "-o", "a.grant"]).status == 0)

    let withoutRoot = try desk.husk(Self.granting.dropLast(2) + ["-o", "b.grant"])
    #expect(
      withoutRoot.stderr == """
        husk: error: Missing expected argument '--boot-root <root.pub>'
        husk: hint: husk grant --help tells how it is meant

        """)
    #expect(withoutRoot.status == 2)
  }

  @Test("grants to a device in another life-cycle state only when told so")
  func lifecycle() throws {
    try desk.makeIdentity(.debug)
    try refuse(
      ["-o", "a.grant"],
      error: """
        unit.identity: the device is in state debug, the grant would be for secured (wrong-lifecycle)
        husk: hint: --lifecycle debug grants to a device in this state
        """)
    #expect(try grant(["--lifecycle", "debug", "-o", "a.grant"]).status == 0)
    #expect(try desk.report("inspect", "a.grant")["lifecycle"] as? String == "debug")
  }

  @Test("refuses modules and epochs that the vault doesn't have, and names outside the scope")
  func modules() throws {
    try refuse(["--epoch", "2", "-o", "a.grant"], error: "acme.vault: no epoch 2 of com.acme.codec")
    try refuse(
      ["--module", "com.acme.other", "-o", "a.grant"],
      error: "acme.vault: no module com.acme.other\nhusk: hint: husk vault info lists the modules; pack begins new ones"
    )
    try refuse(
      ["--module", "com.other.codec", "-o", "a.grant"],
      error: "acme.chain: the chain's scope, com.acme., doesn't cover this name (scope-violation)")
    try refuse(
      ["--not-before", "2090-01-02", "--not-after", "2090-01-01", "-o", "a.grant"],
      error: "unit.identity: the validity would end before it begins")
    try refuse(["-o", "missing/a.grant"], error: "missing/a.grant: the directory to write to doesn't exist")
  }

  @Test("grants no content key that wasn't made with the vault key")
  func planted() throws {
    try DatabaseQueue(path: desk.directory.appending(path: "acme.vault").path).write { database in
      try database.execute(sql: "UPDATE content_keys SET tag = randomblob(32)")
    }
    let error = "acme.vault: the record of com.acme.codec epoch 1 was not made with this vault key"
    try refuse(["-o", "a.grant"], error: error)
    #expect(try desk.husk(Desk.packing + ["-o", "new.husk"]).stderr == "husk: error: \(error)\n")
  }

  @Test("of an older epoch can still be issued")
  func olderEpoch() throws {
    #expect(
      try desk.husk("vault", "rotate", "acme.vault", "--module", "com.acme.codec", "--vault-key", "vault.pem").status
        == 0)
    #expect(try grant(["-o", "new.grant"]).status == 0)
    #expect(try grant(["--epoch", "1", "-o", "old.grant"]).status == 0)
    #expect(try desk.report("inspect", "new.grant")["keyEpoch"] as? Int == 2)
    #expect(try desk.report("inspect", "old.grant")["keyEpoch"] as? Int == 1)
    #expect(try desk.report("inspect", "old.grant")["sequence"] as? Int == 2)
  }

  @Test("fails verification when it has expired")
  func expired() throws {
    var fixture = GrantFixture()
    fixture.terms.notAfter = 1_600_000_000
    try desk.write("a.grant", fixture.file())
    try desk.write("fixtures.pub", TestKey.bootRoot.publicKey.pem())
    try desk.refuse("verify", "a.grant", "--root", "fixtures.pub", error: "a.grant: the grant has expired (expired)")
  }

  @Test("isn't issued when it would have expired already, and takes no sequence number then")
  func past() throws {
    try refuse(
      ["--not-after", "2020-01-01", "-o", "a.grant"],
      error: "unit.identity: the validity would have ended already (expired)")
    #expect(try grant(["-o", "a.grant"]).status == 0)
    #expect(try desk.report("inspect", "a.grant")["sequence"] as? Int == 1)
  }

  private static let granting = [
    "grant", "--vault", "acme.vault", "--vault-key", "vault.pem", "--key", "acme.pem", "--chain", "acme.chain",
    "--module", "com.acme.codec", "--identity", "unit.identity", "--device-root", "silicon.pub",
    "--boot-root", "root.pub",
  ]

  private func grant(_ words: [String]) throws -> (status: Int32, stderr: String) {
    let outcome = try desk.husk(Self.granting + words)
    return (outcome.status, outcome.stderr)
  }

  /// Options that come later win, but those that may be repeated must be taken out first.
  private func refuse(
    _ words: [String], replacing option: String? = nil, error: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var arguments = Self.granting
    if let option, let index = arguments.firstIndex(of: option) { arguments.removeSubrange(index...(index + 1)) }
    let before = try desk.contents()
    let outcome = try desk.husk(arguments + words)
    #expect(outcome.stderr == "husk: error: \(error)\n", sourceLocation: sourceLocation)
    #expect(outcome.status == 1, sourceLocation: sourceLocation)
    #expect(try desk.contents() == before, sourceLocation: sourceLocation)
  }
}
