import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Testing
import Vault

/// What somebody who can write the vault's file, but doesn't have its key, can't bring about (SPEC 14.3): that a content
/// key is wrapped to a device of his, be it one that the vendor knows.
@Suite("Who can write a vault")
struct ForgeryTests {
  private let bench: Bench

  /// Device A has a grant of codec and is in batch "paid" with tag "beta"; B has and is nothing of that.
  init() throws {
    bench = try Bench()
    try bench.trust()
    var terms = AdditionTerms()
    terms.batch = "paid"
    terms.tags = ["beta"]
    try bench.add([IdentityFixture("A").file()], terms: terms)
    try bench.add(IdentityFixture("B"))
    try bench.grant(codec, to: 0)
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(other, with: key, on: .at(now))
  }

  /// Examines all candidates of a selection; returns how many may have a grant.
  private func examine(_ module: Name, _ change: (inout DeviceSelection) -> Void = { _ in }) throws -> Int {
    var selection = DeviceSelection()
    change(&selection)
    let (vault, key) = try bench.open()
    var check = try CandidateCheck(with: key, trust: vault.trust(with: key))
    var candidates = GrantCandidates(vault, .selection(selection), module: module, after: 0)
    return try candidates.next(10).map { try check.recipient(of: $0) }.count
  }

  /// What a trigger, view or changed table would do in commands that the vendor gives, and what is told of it.
  static let alterations: [(statement: String, object: String, VaultError.Alteration)] = [
    (
      "CREATE TRIGGER undo AFTER UPDATE OF status ON devices BEGIN "
        + "UPDATE devices SET status = old.status, seal = old.seal WHERE id = old.id; END", "trigger undo", .changed
    ),
    ("CREATE TRIGGER t AFTER INSERT ON grants BEGIN DELETE FROM trust; END", "trigger t", .changed),
    // A name that SQLite keeps for itself.
    (
      "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('trigger', "
        + "'sqlite_t', 'devices', 0, 'CREATE TRIGGER sqlite_t AFTER UPDATE ON devices BEGIN DELETE FROM trust; END')",
      "trigger sqlite_t", .changed
    ),
    (
      "ALTER TABLE trust RENAME TO own; CREATE VIEW trust AS SELECT * FROM own", "table own", .changed
    ),
    ("CREATE VIEW v AS SELECT 1", "view v", .changed),
    ("CREATE TABLE extra (a)", "table extra", .changed),
    ("CREATE INDEX extra ON devices (status)", "index extra", .changed),
    ("ALTER TABLE tags ADD COLUMN extra TEXT", "table tags", .changed),
    ("DROP INDEX tags_of_device", "index tags_of_device", .missing),
    ("DROP TRIGGER events_stay", "trigger events_stay", .missing),
    ("PRAGMA foreign_keys = OFF; DROP TABLE packages", "table packages", .missing),
    (
      "DROP TRIGGER events_last; CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT 1; END",
      "trigger events_last", .changed
    ),
  ]

  @Test("has nothing of his own run in commands that others give", arguments: alterations.indices)
  func altered(index: Int) throws {
    let (statement, object, alteration) = Self.alterations[index]
    try bench.edit(statement)
    let before = try bench.file()
    for isReadOnly in [false, true] {
      #expect(throws: VaultError.altered(object, alteration), "\(statement)") {
        _ = try Vault(bench.path, isReadOnly: isReadOnly)
      }
    }
    #expect(try bench.file() == before)
  }

  @Test("puts no device into a batch that gets grants")
  func batch() throws {
    #expect(try examine(codec) { $0.batch = "paid" } == 1)
    try bench.edit("UPDATE devices SET batch = 1 WHERE id = 2")
    #expect(throws: VaultError.foreignRecord(.device)) { try examine(codec) { $0.batch = "paid" } }
  }

  @Test("gives no device a tag that gets grants, or is given another one by")
  func tag() throws {
    #expect(try examine(codec) { $0.tag = "beta" } == 1)
    try bench.edit("INSERT INTO device_tags SELECT tag, 2, seal FROM device_tags WHERE device = 1")
    #expect(throws: VaultError.foreignRecord(.tag)) { try examine(codec) { $0.tag = "beta" } }
    let (vault, key) = try bench.open()
    let devices = try bench.devices()
    #expect(throws: VaultError.foreignRecord(.tag)) {
      try vault.tag(devices, as: "more", selectedBy: "beta", with: key, on: .at(now))
    }
    #expect(throws: VaultError.foreignRecord(.tag)) {
      try vault.setStatus(.resold, of: devices, selectedBy: "beta", why: "", with: key, on: .at(now))
    }
    #expect(try bench.devices().allSatisfy { $0.status == .active })
  }

  @Test("tells no tale of grants that were never issued, which a new issue would go by")
  func grants() throws {
    // A device's grant of codec as one of other; another device's as one's own.
    for (forgery, module) in [
      ("INSERT INTO grants SELECT device, 2, sequence, series, identity, seal, NULL FROM grants", other),
      ("INSERT INTO grants SELECT 2, module, sequence, series, 2, seal, NULL FROM grants WHERE device = 1", codec),
    ] {
      try bench.edit(forgery)
      #expect(throws: VaultError.foreignRecord(.grant), "\(forgery)") { try examine(module) }
      try bench.edit("DELETE FROM grants WHERE module = 2 OR device = 2")
      #expect(try examine(module) == 2)
    }
  }

  /// Another vault, which trusts the same devices.
  private func makeOther() throws -> Bench {
    let other = try Bench()
    try other.trust()
    let (vault, key) = try other.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    return other
  }

  /// Exports the vault, and has another take it in.
  private func exchange(
    with other: Bench, signedBy signer: String? = nil, believing believed: String? = nil
  ) throws -> ImportSummary {
    let file = bench.directory.appending(path: "\(UUID()).export").path
    let signing = try signer.map { ExportSigning(by: try SigningKey(ed25519Seed: secret(named: $0))) }
    try Vault(bench.path, isReadOnly: true).export(to: file, signing: signing, on: .at(now))
    let (vault, key) = try other.open()
    let verifier = IdentityVerifier(trust: try vault.trust(with: key), lifecycle: .secured, now: now)
    return try vault.importExport(
      file, verifier: verifier, authority: believed.map { ImportAuthority(signer: TestKey($0).publicKey) }, with: key,
      on: .at(now)
    ) { _ in }
  }

  @Test("decides nothing by an export that nobody vouches for: identities alone are taken, and the rest is counted")
  func unsignedExport() throws {
    let (vault, key) = try bench.open()
    _ = try vault.setStatus(
      .decommissioned, of: [bench.devices()[1]], selectedBy: nil, why: "gone", with: key, on: .at(now))
    let other = try makeOther()
    // Whoever is believed must have signed all of it.
    for signer in [nil, "acme"] {
      #expect(throws: VaultError.exportNotSigned) {
        try exchange(with: other, signedBy: signer, believing: "another")
      }
    }
    #expect(try other.devices() == [])
    for signer in [nil, "acme"] {
      let summary = try exchange(with: other, signedBy: signer)
      #expect(!summary.isSigned)
      #expect(summary.added == (signer == nil ? 2 : 0))
      #expect(summary.batchesLeftOut == 1)
      #expect(summary.tagsLeftOut == 1)
      #expect(summary.statusesLeftOut == 1)
      #expect(summary.grantsLeftOut == 1)
      #expect(summary.grants == 0)
    }
    let devices = try other.devices()
    #expect(devices.allSatisfy { $0.status == .active && $0.batch == nil })
    #expect(try other.open().vault.tags(of: devices).isEmpty)
    #expect(try other.candidate(0).candidate.sequence == 1)
    // The same from who is believed.
    let believed = try exchange(with: other, signedBy: "acme", believing: "acme")
    #expect(believed.isSigned)
    #expect(believed.grants == 1)
    #expect(try other.devices().map(\.status) == [.active, .decommissioned])
    #expect(try other.open().vault.tags(of: other.devices()[0]) == ["beta"])
    #expect(try other.findings() == [])
  }

  @Test(
    "uses up no sequence numbers by an export, even a signed one",
    arguments: [(65_536, true), (65_537, false), (Int64.max, false)])
  func farSequence(number: Int64, isTaken: Bool) throws {
    try bench.edit("UPDATE grants SET sequence = \(number)")
    let other = try makeOther()
    let summary = try exchange(with: other, signedBy: "acme", believing: "acme")
    #expect(summary.grants == (isTaken ? 1 : 0))
    #expect(summary.grantsLeftOut == (isTaken ? 0 : 1))
    #expect(try other.candidate(0).candidate.sequence == (isTaken ? 65_537 : 1))
  }

  @Test(
    "gives no name that nobody sees, here or by an export",
    arguments: ["", "a\u{0}b", "pai\u{200b}d", "line\nbreak", String(repeating: "x", count: 65)])
  func names(name: String) throws {
    let (vault, key) = try bench.open()
    #expect(throws: VaultError.unusableLabel) {
      try vault.tag(bench.devices(), as: name, selectedBy: nil, with: key, on: .at(now))
    }
    var terms = AdditionTerms()
    terms.batch = name
    #expect(throws: VaultError.unusableLabel) { try bench.add([IdentityFixture("C").file()], terms: terms) }
    let digits = name.utf8.map { String(format: "%02x", $0) }.joined()
    // What reads the table for the export ends at a zero.
    for table in ["tags", "batches"] where !name.contains("\0") {
      let former = table == "tags" ? "beta" : "paid"
      try bench.edit("UPDATE \(table) SET name = CAST(x'\(digits)' AS TEXT)")
      #expect(throws: VaultError.notAnExport) {
        try exchange(with: makeOther(), signedBy: "acme", believing: "acme")
      }
      try bench.edit("UPDATE \(table) SET name = '\(former)'")
    }
  }

  @Test("passes no grants off as issued here by way of an export; their sequence numbers count")
  func export() throws {
    let other = try makeOther()
    let (vault, key) = try other.open()
    let summary = try exchange(with: other, signedBy: "acme", believing: "acme")
    #expect(summary.added == 2)
    #expect(summary.grants == 1)
    #expect(try vault.grantedTerms(of: codec) == [])
    let (candidate, _) = try other.candidate(0)
    #expect(candidate.sequence == 2)
    var check = try CandidateCheck(with: key, trust: vault.trust(with: key))
    _ = try check.recipient(of: candidate)
    try other.edit("UPDATE grant_series SET is_foreign = 0")
    #expect(throws: VaultError.foreignRecord(.grant)) { try check.recipient(of: other.candidate(0).candidate) }
  }

  @Test("widens no terms that a new issue goes by")
  func terms() throws {
    let (vault, key) = try bench.open()
    let before = try #require(try vault.grantedTerms(of: codec).first)
    let issued = try #require(try vault.grants(of: bench.devices()[0]).first)
    var wider = issued.terms
    wider.features = [1]
    let digits = wider.encoded().map { String(format: "%02x", $0) }.joined()
    try bench.edit("UPDATE grant_series SET terms = x'\(digits)'")
    #expect(throws: VaultError.foreignRecord(.grant)) { try examine(codec) }
    // Nor while a command is at work: what it read at first isn't what the grants were on.
    let seen = try #require(try vault.grantedTerms(of: codec).first)
    #expect(seen.terms.features == [1])
    let former = issued.terms.encoded().map { String(format: "%02x", $0) }.joined()
    try bench.edit("UPDATE grant_series SET terms = x'\(former)'")
    var candidates = GrantCandidates(vault, .devices([1]), module: codec, after: 0)
    let candidate = try #require(try candidates.next(1).first)
    #expect(candidate.hasGrant(on: before))
    #expect(!candidate.hasGrant(on: seen))
    var check = try CandidateCheck(with: key, trust: vault.trust(with: key))
    _ = try check.recipient(of: candidate)
  }
}
