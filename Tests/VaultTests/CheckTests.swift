import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HostSupport
import HuskFormat
import TestSupport
import Testing
import Vault

@Suite("Checking a vault")
struct CheckTests {
  private let bench: Bench

  /// Something in every table.
  init() throws {
    bench = try Bench()
    try bench.trust()
    var terms = AdditionTerms()
    terms.batch = "one"
    terms.tags = ["lab"]
    try bench.add((0..<20).map { try IdentityFixture("device \($0)").file() }, terms: terms)
    try bench.add(IdentityFixture("device 3", keyEpoch: 4))
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    let package = PackageRecord(
      module: codec, version: Version(1, 2, 3), securityVersion: 4, epoch: 1, digest: bytes(named: "package"))
    try vault.record(package, on: .at(now))
    try bench.grant(to: 5)
    _ = try vault.setStatus(.recalled, of: [bench.devices()[2]], selectedBy: nil, why: "hot", with: key, on: .at(now))
  }

  @Test("finds nothing wrong with a sound one, locked or not, and changes nothing")
  func sound() throws {
    let (vault, key) = try bench.open()
    let before = try bench.file()
    let report = try vault.check(with: key)
    #expect(report.findings == [])
    #expect(report.isUnlocked)
    #expect(report.counts.first { $0.name == "devices" }?.count == 20)
    #expect(report.counts.first { $0.name == "grants" }?.count == 1)
    #expect(try vault.check(with: nil).findings == [])
    #expect(try bench.file() == before)
  }

  /// What somebody or something does to the file, and in which part that shows. Locked, if it shows without the key.
  static let damages: [(String, VaultError.Part, isSeenLocked: Bool)] = [
    ("UPDATE content_keys SET sealed = zeroblob(70)", .contentKey, false),
    ("UPDATE content_keys SET created_at = -1", .contentKey, true),
    ("UPDATE modules SET name = 'Not A Name'", .contentKey, true),
    ("UPDATE trust SET value = randomblob(64) WHERE kind = 3", .trust, true),
    ("UPDATE trust SET value = x'00' WHERE kind = 3", .trust, true),
    ("UPDATE devices SET status = 4 WHERE id = 2", .device, false),
    ("UPDATE devices SET status = 1 WHERE id = 3", .statusChange, true),
    ("UPDATE devices SET device = randomblob(32) WHERE id = 2", .device, true),
    ("UPDATE devices SET identity = 5 WHERE id = 2", .device, true),
    ("UPDATE devices SET added_at = -5 WHERE id = 2", .device, true),
    ("UPDATE devices SET seal = zeroblob(16) WHERE id = 9", .device, false),
    ("UPDATE devices SET batch = NULL WHERE id = 2", .device, false),
    ("UPDATE batches SET name = 'two'", .device, false),
    ("UPDATE tags SET name = 'paid'", .tag, false),
    ("UPDATE device_tags SET seal = zeroblob(16) WHERE device = 7", .tag, false),
    ("UPDATE grants SET sequence = 2", .grant, false),
    ("UPDATE grant_series SET terms = CAST(replace(terms, 'codec', 'other') AS BLOB)", .grant, false),
    ("UPDATE identities SET grant_key = randomblob(32) WHERE id = 2", .device, true),
    ("UPDATE identities SET key_epoch = 9 WHERE id = 2", .device, true),
    ("UPDATE identities SET lifecycle = 16384 WHERE id = 2", .device, true),
    ("UPDATE identities SET lifecycle = 1 WHERE id = 2", .device, true),
    ("UPDATE identities SET file = randomblob(200) WHERE id = 2", .device, true),
    ("UPDATE identities SET template = NULL WHERE id = 2", .device, true),
    ("UPDATE identities SET previous = id WHERE id = 2", .identity, true),
    ("UPDATE templates SET file = zeroblob(length(file))", .device, true),
    ("UPDATE platforms SET loader = randomblob(64)", .device, true),
    ("UPDATE grant_series SET count = -1", .grant, true),
    ("UPDATE jobs SET started_at = -1", .job, true),
    ("UPDATE packages SET packed_at = -1", .package, true),
    ("PRAGMA foreign_keys = OFF; DELETE FROM identities WHERE id = 2", .device, true),
    ("PRAGMA foreign_keys = OFF; DELETE FROM modules", .meta, true),
    ("PRAGMA foreign_keys = OFF; DELETE FROM batches", .meta, true),
  ]

  @Test("finds what was altered", arguments: damages.indices)
  func damage(index: Int) throws {
    let (statement, part, isSeenLocked) = Self.damages[index]
    try bench.edit(statement)
    #expect(try bench.findings().map(\.part).contains(part), "\(statement)")
    let locked = try Vault(bench.path, isReadOnly: true).check(with: nil).findings
    #expect(locked.map(\.part).contains(part) == isSeenLocked, "\(statement): \(locked)")
  }

  @Test("finds events that were altered, behind triggers that are there")
  func events() throws {
    try bench.forge("UPDATE events SET record = x'a0' WHERE number = 3")
    #expect(try bench.findings().map(\.part).contains(.event))
  }

  @Test("with flipped bytes in its pages: every use either works or says that it is damaged, and a check finds it")
  func flippedBytes() throws {
    let file = try bench.file()
    let copy = bench.directory.appending(path: "copy.vault").path
    var generator = SeededGenerator(seed: 20_261_122)
    var found = 0
    let rounds = 150
    for _ in 0..<rounds {
      var bytes = file
      // In what is used of the file; the header is another test's.
      var start = 0
      repeat { start = Int.random(in: 100..<(bytes.count - 16), using: &generator) } while bytes[start] == 0
      for index in start..<(start + 16) { bytes[index] ^= UInt8.random(in: 1...255, using: &generator) }
      try bytes.write(to: URL(filePath: copy))
      do {
        let vault = try Vault(copy)
        let key = try vault.unlock(with: .key(secret(named: "vault key")))
        if try !vault.check(with: key).findings.isEmpty { found += 1 }
        // Whatever is damaged: nothing traps, and nothing speaks SQL.
        try use(vault, key)
      } catch let error as VaultError {
        found += 1
        if case .database(let words) = error { Issue.record("SQLite's own words: \(words)") }
      }
    }
    // The names of tags and batches, times and free space say nothing that could be checked.
    #expect(found > rounds * 2 / 3)
  }

  @Test("cut off anywhere is refused or found")
  func truncated() throws {
    let file = try bench.file()
    let copy = bench.directory.appending(path: "copy.vault").path
    for count in stride(from: 0, to: file.count, by: 4096 + 512) {
      try file.prefix(count).write(to: URL(filePath: copy))
      do throws(VaultError) {
        let findings = try Vault(copy, isReadOnly: true).check(with: nil).findings
        #expect(!findings.isEmpty, "cut off at \(count)")
      } catch {
        #expect(error == .notAVault, "cut off at \(count)")
      }
    }
  }

  @Test("may leave out what there is no key for, and says so")
  func locked() throws {
    #expect(try Vault(bench.path, isReadOnly: true).check(with: nil).isUnlocked == false)
  }

  @Test("precedes every backup, which is a whole vault")
  func backup() throws {
    let copy = bench.directory.appending(path: "backup.vault").path
    let vault = try Vault(bench.path, isReadOnly: true)
    try vault.backUp(to: copy)
    let restored = try Vault(copy)
    let key = try restored.unlock(with: .key(secret(named: "vault key")))
    #expect(try restored.check(with: key).findings == [])
    #expect(try restored.devices(DeviceSelection(), after: 0, limit: 100) == bench.devices())
    #expect(restored.id == vault.id)
    #expect(throws: VaultError.file(FileError(copy, .alreadyExists))) { try vault.backUp(to: copy) }
    #expect(
      try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int == 0o600)
    _ = try restored.rotate(codec, with: key, on: .at(now))
    #expect(try vault.latestEpoch(of: codec) == 1)

    try bench.edit("UPDATE grant_series SET count = -1")
    let second = bench.directory.appending(path: "second.vault").path
    #expect(throws: VaultError.damaged(.grant)) { try vault.backUp(to: second) }
    #expect(!FileManager.default.fileExists(atPath: second))
  }

  private func use(_ vault: Vault, _ key: VaultKey) throws {
    _ = try vault.deviceCounts()
    for device in try vault.devices(DeviceSelection(), after: 0, limit: 100) {
      _ = try vault.tags(of: device)
      _ = try vault.grants(of: device)
      _ = try vault.statusChanges(of: device)
      _ = try vault.formerIdentities(of: device)
      _ = try vault.identityFile(of: device)
    }
    _ = try vault.events(from: 1, limit: 100)
    _ = try vault.modules()
    _ = try vault.trust(with: key)
    let verifier = IdentityVerifier(trust: try vault.trust(with: key), lifecycle: .secured, now: now)
    let next = try verifier.verify(IdentityFixture("device 4", keyEpoch: 9).file())
    _ = try vault.add([next], AdditionTerms(), with: key, on: .at(now))
    _ = try vault.rotate(codec, with: key, on: .at(now))
  }
}
