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
  private let device: String

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.pack()
    device = try desk.addDevice()
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
    #expect(try desk.husk("vault", "info", "acme.vault").stdout.contains(", 3 grants\n"))
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

  @Test("refuses devices that the vault doesn't know, and names that fit several")
  func unknown() throws {
    let hint = "\nhusk: hint: a device is named by its id, or by how it begins"
    for name in ["0000", "unit.identity", ""] {
      try refuse(["--device", name, "-o", "a.grant"], error: "acme.vault: no device \(name)\(hint)")
    }
  }

  @Test("refuses a device whose silicon, boot root or stages aren't trusted any more, until they are again")
  func untrusted() throws {
    let trust = try #require(try desk.report("vault", "trust", "list", "acme.vault")["trust"] as? [[String: Any]])
    #expect(trust.count == 4)
    for entry in trust {
      let value = try #require(entry["value"] as? String)
      let kind = try #require(entry["kind"] as? String)
      #expect(try desk.husk("vault", "trust", "remove", "acme.vault", String(value.prefix(10))).status == 0)
      // Without the boot root, the vendor's own chain isn't trusted either: that is seen first.
      let error =
        kind == "boot root"
        ? "acme.chain: it was certified under a root that isn't trusted (untrusted-root)"
        : "\(device): the \(kind) \(value.prefix(16))… isn't trusted\nhusk: hint: husk vault trust says what is"
      try refuse(["-o", "a.grant"], error: error)
      try desk.trustFixtures()
    }
    #expect(try grant(["-o", "a.grant"]).status == 0)
  }

  @Test("trusts the boot roots that the vendor named, never the one in a chain file")
  func bootRoots() throws {
    try desk.make("keygen", "-o", "other.pem")
    try desk.make(
      "certify", "--key", "other.pem", "--subject-key", "acme.pub", "--subject", "Acme", "--role", "grant", "--scope",
      "com.acme.", "-o", "other.chain")
    // Whoever hands out chains can't decide what starts secure worlds.
    try refuse(
      ["--chain", "other.chain", "-o", "a.grant"],
      error: "other.chain: it was certified under a root that isn't trusted (untrusted-root)")
  }

  @Test("grants to a device in another life-cycle state only when told so")
  func lifecycle() throws {
    try desk.addDevice(.debug)
    try refuse(
      ["-o", "a.grant"],
      error: """
        \(device): the device is in state debug, the grant would be for secured (wrong-lifecycle)
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
      error:
        "acme.vault: no module com.acme.other\nhusk: hint: husk module list tells the modules; pack begins new ones"
    )
    try refuse(
      ["--module", "com.other.codec", "-o", "a.grant"],
      error: "acme.chain: the chain's scope, com.acme., doesn't cover this name (scope-violation)")
    try refuse(
      ["--not-before", "2090-01-02", "--not-after", "2090-01-01", "-o", "a.grant"],
      error: "com.acme.codec: the validity would end before it begins")
    try refuse(["-o", "missing/a.grant"], error: "missing/a.grant: the directory to write to doesn't exist")
  }

  @Test("grants nothing on the strength of records that weren't made with the vault's key")
  func planted() throws {
    let copy = try desk.read("acme.vault")
    let foreign =
      "was not made with the vault's key: somebody altered the file\nhusk: hint: husk vault check tells which"
    for (statement, error) in [
      (
        "UPDATE content_keys SET sealed = randomblob(length(sealed))",
        "acme.vault: the content key of com.acme.codec, epoch 1, doesn't open (key-unwrap-failed)"
      ),
      ("UPDATE identities SET grant_key = randomblob(32)", "\(device): a record of a device \(foreign)"),
      ("UPDATE devices SET status = 4", "\(device): a record of a device \(foreign)"),
      ("UPDATE identities SET key_epoch = 7", "\(device): a record of a device \(foreign)"),
      ("UPDATE platforms SET loader = randomblob(64)", "\(device): a record of a device \(foreign)"),
      (
        "UPDATE trust SET value = randomblob(length(value)) WHERE kind = 1",
        "acme.vault: a record of what is trusted \(foreign)"
      ),
      ("UPDATE devices SET seal = zeroblob(16)", "\(device): a record of a device \(foreign)"),
    ] {
      try desk.write("acme.vault", copy)
      try DatabaseQueue(path: desk.directory.appending(path: "acme.vault").path).write { database in
        try database.execute(sql: statement)
      }
      try refuse(["-o", "a.grant"], error: error)
    }
  }

  @Test("grants nothing to a device that is suspended, recalled or decommissioned")
  func statuses() throws {
    for (status, isGranted) in [
      ("suspended", false), ("refurbished", true), ("recalled", false), ("resold", true), ("active", true),
      ("decommissioned", false),
    ] {
      let change = try desk.husk(
        "device", "status", "acme.vault", status, device, "--why", "a test", "--vault-key", "vault.key")
      #expect(change.status == 0)
      if isGranted {
        #expect(try grant(["-o", "\(status).grant"]).status == 0)
      } else {
        try refuse(["-o", "a.grant"], error: "\(device): a device that is \(status) gets no grants")
      }
    }
  }

  @Test("of an older epoch can still be issued")
  func olderEpoch() throws {
    #expect(
      try desk.husk("module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key").status == 0)
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
      error: "com.acme.codec: the validity would have ended already (expired)")
    #expect(try grant(["-o", "a.grant"]).status == 0)
    #expect(try desk.report("inspect", "a.grant")["sequence"] as? Int == 1)
  }

  private var granting: [String] {
    [
      "grant", "--vault", "acme.vault", "--vault-key", "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
      "--module", "com.acme.codec", "--device", device,
    ]
  }

  private func grant(_ words: [String]) throws -> (status: Int32, stderr: String) {
    let outcome = try desk.husk(granting + words)
    return (outcome.status, outcome.stderr)
  }

  /// Options that come later win.
  private func refuse(
    _ words: [String], error: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try desk.contents()
    let outcome = try desk.husk(granting + words)
    #expect(outcome.stderr == "husk: error: \(error)\n", sourceLocation: sourceLocation)
    #expect(outcome.status == 1, sourceLocation: sourceLocation)
    #expect(try desk.contents() == before, sourceLocation: sourceLocation)
  }
}
