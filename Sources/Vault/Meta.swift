import FoundationEssentials
import GRDB
import HuskFormat

/// What a vault knows of itself.
struct Meta {
  /// 16 bytes.
  var id: [UInt8]
  var createdAt: UInt64
  var method: UnlockingMethod
  /// COSE_Encrypt0 under the unlocking key.
  var wrappedKey: [UInt8]
  var keyGeneration: UInt64
}

extension Database {
  /// The schema's version; throws `notAVault`, `newerSchema`, or `altered` where that version consists of something else.
  func checkedVersion() throws -> Int {
    guard try Int.fetchOne(self, sql: "PRAGMA application_id") == Schema.applicationID else {
      throw VaultError.notAVault
    }
    let version = try Int.fetchOne(self, sql: "PRAGMA user_version") ?? 0
    guard version >= 1 else { throw VaultError.notAVault }
    guard version <= Schema.version else {
      throw VaultError.newerSchema(found: version, supported: Schema.version)
    }
    try checkSchema(version: version)
    return version
  }

  func meta() throws -> Meta {
    guard let row = try Row.fetchOne(self, sql: "SELECT * FROM meta WHERE id = 1") else {
      throw VaultError.damaged(.meta)
    }
    let id = try row.bytes("vault_id", in: .meta, count: 16)
    guard let method = UnlockingMethod(try row.bytes("unlocking", in: .meta)) else { throw VaultError.damaged(.meta) }
    return Meta(
      id: id, createdAt: try row.number("created_at", in: .meta), method: method,
      wrappedKey: try row.bytes("vault_key", in: .meta), keyGeneration: try row.number("key_generation", in: .meta))
  }

  func insertMeta(id: [UInt8], method: UnlockingMethod, wrappedKey: [UInt8], now: UInt64) throws {
    try execute(
      sql:
        "INSERT INTO meta (id, vault_id, created_at, unlocking, vault_key, key_generation) VALUES (1, ?, ?, ?, ?, 1)",
      arguments: [Data(id), Int64(clamping: now), Data(method.encoded), Data(wrappedKey)])
  }
}
