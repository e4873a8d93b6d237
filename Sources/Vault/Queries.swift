import FoundationEssentials
import GRDB
import HuskFormat

// SQLite's integers are signed; all of Husk's numbers are below 2^63 (SPEC 11).
//
// A vault's file may come from anywhere: what is read from it may be of any type and size, whatever the schema says.

extension Database {
  func latestEpoch(of module: Name) throws -> UInt64? {
    try Int64.fetchOne(self, sql: "SELECT max(epoch) FROM content_keys WHERE module = ?", arguments: [module.text])
      .map { try count($0) }
  }

  func sealedKey(of module: Name, epoch: UInt64) throws -> SealedContentKey? {
    try Row.fetchOne(
      self, sql: "SELECT sealed, tag FROM content_keys WHERE module = ? AND epoch = ?",
      arguments: [module.text, Int64(clamping: epoch)]
    ).map { row in
      SealedContentKey(
        sealed: Array(try row.decode(Data.self, forColumn: "sealed")),
        tag: Array(try row.decode(Data.self, forColumn: "tag")))
    }
  }

  func insert(module: Name) throws {
    try execute(sql: "INSERT OR IGNORE INTO modules (name) VALUES (?)", arguments: [module.text])
  }

  func insert(_ key: SealedContentKey, module: Name, epoch: UInt64, now: UInt64) throws {
    try execute(
      sql: "INSERT INTO content_keys (module, epoch, sealed, tag, created_at) VALUES (?, ?, ?, ?, ?)",
      arguments: [
        module.text, Int64(clamping: epoch), Data(key.sealed), Data(key.tag), Int64(clamping: now),
      ])
  }

  func nextSequence(device: [UInt8], module: Name) throws -> UInt64 {
    let highest = try Int64.fetchOne(
      self, sql: "SELECT max(sequence) FROM grants WHERE device = ? AND module = ?",
      arguments: [Data(device), module.text])
    guard let next = number(after: try count(highest ?? 0)) else { throw VaultError.lastSequence(module) }
    return next
  }

  func insert(grant sequence: UInt64, device: [UInt8], module: Name, epoch: UInt64, now: UInt64) throws {
    try execute(
      sql: "INSERT INTO grants (device, module, sequence, epoch, issued_at) VALUES (?, ?, ?, ?, ?)",
      arguments: [
        Data(device), module.text, Int64(clamping: sequence), Int64(clamping: epoch), Int64(clamping: now),
      ])
  }

  func moduleRecords() throws -> [ModuleRecord] {
    let rows = try Row.fetchAll(
      self,
      sql: """
        SELECT module, epoch, created_at,
          (SELECT count(*) FROM grants WHERE grants.module = keys.module AND grants.epoch = keys.epoch) AS grant_count
        FROM content_keys AS keys ORDER BY module, epoch
        """)
    var records: [ModuleRecord] = []
    for row in rows {
      let name = try row.decode(String.self, forColumn: "module")
      let epoch = ModuleRecord.Epoch(
        number: try count(row.decode(Int64.self, forColumn: "epoch")),
        createdAt: try count(row.decode(Int64.self, forColumn: "created_at")),
        grantCount: try count(row.decode(Int64.self, forColumn: "grant_count")))
      let earlier = records.last?.name == name ? records.removeLast().epochs : []
      records.append(ModuleRecord(name: name, epochs: earlier + [epoch]))
    }
    return records
  }
}

/// The number that follows; nil where none does.
func number(after number: UInt64) -> UInt64? {
  number < Limits.number - 1 ? number + 1 : nil
}

/// What can't be negative in a vault that Husk wrote.
private func count(_ number: Int64) throws(VaultError) -> UInt64 {
  guard let count = UInt64(exactly: number) else { throw .notAVault }
  return count
}

extension Name {
  fileprivate var text: String { String(decoding: bytes, as: UTF8.self) }
}
