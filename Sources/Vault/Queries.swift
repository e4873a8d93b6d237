import FoundationEssentials
import GRDB
import HuskFormat

// SQLite's integers are signed; all of Husk's numbers are below 2^63 (SPEC 11).

extension Database {
  func latestEpoch(of module: Name) throws -> UInt64? {
    try Int64.fetchOne(self, sql: "SELECT max(epoch) FROM content_keys WHERE module = ?", arguments: [module.text])
      .map { UInt64(clamping: $0) }
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
    try execute(sql: "INSERT INTO modules (name) VALUES (?)", arguments: [module.text])
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
    return UInt64(clamping: (highest ?? 0) + 1)
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
      let name: String = row["module"]
      let epoch = ModuleRecord.Epoch(
        number: UInt64(clamping: row["epoch"] as Int64), createdAt: UInt64(clamping: row["created_at"] as Int64),
        grantCount: row["grant_count"])
      let earlier = records.last?.name == name ? records.removeLast().epochs : []
      records.append(ModuleRecord(name: name, epochs: earlier + [epoch]))
    }
    return records
  }
}

extension Name {
  fileprivate var text: String { String(decoding: bytes, as: UTF8.self) }
}
