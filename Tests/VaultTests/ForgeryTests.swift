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

  @Test("passes no grants off as issued here by way of an export; their sequence numbers count")
  func export() throws {
    let file = bench.directory.appending(path: "acme.export").path
    try Vault(bench.path, isReadOnly: true).export(to: file, contentKeys: nil, on: .at(now))
    let other = try Bench()
    try other.trust()
    let (vault, key) = try other.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    let verifier = IdentityVerifier(trust: try vault.trust(with: key), lifecycle: .secured, now: now)
    let summary = try vault.importExport(file, verifier: verifier, contentKeys: nil, with: key, on: .at(now)) { _ in }
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
