import FoundationEssentials
import GRDB

/// The vault's tables (SPEC 14).
enum Schema {
  /// Raised whenever the tables change.
  static let version = 1
  /// "HusV": tells a vault from other SQLite files.
  static let applicationID = 0x4875_7356

  static func create(_ database: Database, vaultKey: [UInt8]) throws {
    try database.execute(
      sql: """
        CREATE TABLE meta (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          vault_key BLOB NOT NULL CHECK (length(vault_key) = 32)  -- X25519 public key
        ) STRICT;

        CREATE TABLE modules (
          name TEXT PRIMARY KEY
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE content_keys (
          module TEXT NOT NULL REFERENCES modules (name),
          epoch INTEGER NOT NULL CHECK (epoch >= 1),
          sealed BLOB NOT NULL,          -- COSE_Encrypt0 to the vault key
          tag BLOB NOT NULL CHECK (length(tag) = 32),  -- by the vault key's holder
          created_at INTEGER NOT NULL,   -- seconds since 1970
          PRIMARY KEY (module, epoch)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE grants (
          device BLOB NOT NULL CHECK (length(device) = 32),
          module TEXT NOT NULL,
          sequence INTEGER NOT NULL CHECK (sequence >= 1),
          epoch INTEGER NOT NULL,
          issued_at INTEGER NOT NULL,    -- seconds since 1970
          PRIMARY KEY (device, module, sequence),
          FOREIGN KEY (module, epoch) REFERENCES content_keys (module, epoch)
        ) STRICT, WITHOUT ROWID;

        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """)
    try database.execute(sql: "INSERT INTO meta (id, vault_key) VALUES (1, ?)", arguments: [Data(vaultKey)])
  }
}
