import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HuskFormat
import Testing
import Vault

/// Records that the vault's key once sealed, put back or removed by somebody who has the file but not the key (SPEC 14.3):
/// their seals are right, so only the log tells.
@Suite("Records that were put back")
struct PutBackTests {
  private let bench: Bench
  /// The file before what somebody undoes.
  private let older: String

  /// Two devices, each with two grants of codec, the latest after `older`; since then the first one is suspended and was
  /// re-keyed, the second one recalled and active again, a root isn't trusted any more, and codec is at its second epoch.
  init() throws {
    bench = try Bench()
    try bench.trust()
    try bench.add(IdentityFixture("A"), IdentityFixture("B"))
    for device in 0..<2 { try bench.grant(to: device) }
    older = bench.directory.appending(path: "older.vault").path
    try Vault(bench.path, isReadOnly: true).backUp(to: older)
    for device in 0..<2 { try bench.grant(to: device) }
    try bench.add(IdentityFixture("A", keyEpoch: 4))
    let (vault, key) = try bench.open()
    // In the order in which somebody might name them, and one of them twice.
    let (a, b) = (try bench.devices()[0], try bench.devices()[1])
    #expect(
      try vault.setStatus(.suspended, of: [b, a, b], selectedBy: nil, why: "lost", with: key, on: .at(now)) == 2)
    _ = try vault.setStatus(.active, of: [bench.devices()[1]], selectedBy: nil, why: "found", with: key, on: .at(now))
    _ = try vault.removeTrust(named: hexadecimal(TestKey.bootRoot.thumbprint), on: .at(now))
    _ = try vault.rotate(codec, with: key, on: .at(now))
  }

  static let restorations: [(String, VaultError.Part)] = [
    (
      "UPDATE devices SET (status, identity, seal) = (SELECT status, identity, seal FROM older.devices WHERE id = 1) "
        + "WHERE id = 1", .statusChange
    ),
    (
      "UPDATE devices SET (status, identity, seal) = (SELECT status, identity, seal FROM older.devices WHERE id = 1) "
        + "WHERE id = 1; DELETE FROM status_changes WHERE device = 1", .statusChange
    ),
    // What another device's change is made to stand for.
    (
      "UPDATE devices SET (status, identity, seal) = (SELECT status, identity, seal FROM older.devices WHERE id = 1) "
        + "WHERE id = 1; DELETE FROM status_changes WHERE device = 1; "
        + "INSERT INTO devices SELECT 3, zeroblob(32), 2, batch, added_at, identity, seal FROM devices WHERE id = 1; "
        + "INSERT INTO status_changes SELECT 3, event, former, status FROM status_changes WHERE status = 2",
      .statusChange
    ),
    ("UPDATE devices SET identity = (SELECT identity FROM older.devices WHERE id = 1) WHERE id = 1", .device),
    (
      "UPDATE identities SET previous = NULL; DELETE FROM identities WHERE id = 3; "
        + "UPDATE devices SET identity = 1 WHERE id = 1", .identity
    ),
    ("INSERT INTO trust SELECT * FROM older.trust WHERE kind = 2", .trust),
    ("DELETE FROM trust WHERE kind = 1", .trust),
    ("DELETE FROM grants WHERE device = 2 AND sequence = 2", .grant),
    ("DELETE FROM content_keys WHERE epoch = 2", .contentKey),
  ]

  @Test("are found, against a head that was kept elsewhere", arguments: restorations.indices)
  func restored(index: Int) throws {
    let (statement, part) = Self.restorations[index]
    let head = try bench.open().vault.logHead(now: now)
    #expect(try bench.findings(head: head) == [])
    try bench.edit("PRAGMA foreign_keys = OFF", "ATTACH '\(older)' AS older", statement)
    #expect(try bench.findings(head: head).map(\.part).contains(part), "\(statement)")
    // Nor is it hidden by a log that is put back too.
    let count = try Vault(older, isReadOnly: true).eventCount()
    try bench.forge("PRAGMA foreign_keys = OFF; DELETE FROM events WHERE number > \(count)")
    #expect(try bench.findings(head: head).map(\.part).contains(.event))
  }

  @Test("of tags aren't: events tell only of how many devices")
  func tags() throws {
    let (vault, key) = try bench.open()
    _ = try vault.tag(bench.devices(), as: "lab", selectedBy: nil, with: key, on: .at(now))
    try bench.edit("DELETE FROM device_tags WHERE device = 1")
    #expect(try bench.findings(head: vault.logHead(now: now)) == [])
  }
}
