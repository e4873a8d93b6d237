package import GRDB

/// The vault's tables (SPEC 14.1), as the steps that make them: an older vault goes through those that it lacks.
package enum Schema {
  /// "HusV": tells a vault from other SQLite files.
  static let applicationID = 0x4875_7356

  /// Step i leads from version i to version i + 1. A step that was released never changes.
  package static let steps: [@Sendable (Database) throws -> Void] = [createTables]

  package static var version: Int { steps.count }

  /// Brings a database to the latest version, in the transaction that is open.
  package static func migrate(
    _ database: Database, with steps: [@Sendable (Database) throws -> Void] = Self.steps
  ) throws {
    let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    guard found < steps.count else { return }
    for step in steps[max(0, found)...] { try step(database) }
    try database.execute(sql: "PRAGMA user_version = \(steps.count)")
  }

  private static func createTables(_ database: Database) throws {
    try database.execute(sql: "PRAGMA application_id = \(applicationID)")
    try database.execute(sql: tables)
  }

  private static let tables = """
    CREATE TABLE meta (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      vault_id BLOB NOT NULL CHECK (length(vault_id) = 16),
      created_at INTEGER NOT NULL,
      unlocking BLOB NOT NULL,             -- how the vault key is unlocked, CBOR
      vault_key BLOB NOT NULL,             -- COSE_Encrypt0 under the unlocking key
      key_generation INTEGER NOT NULL CHECK (key_generation >= 1)  -- counts the rotations of the vault key
    ) STRICT;

    CREATE TABLE modules (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE content_keys (
      module INTEGER NOT NULL REFERENCES modules (id),
      epoch INTEGER NOT NULL CHECK (epoch >= 1),
      sealed BLOB NOT NULL,                -- COSE_Encrypt0 under the vault key
      created_at INTEGER NOT NULL,
      PRIMARY KEY (module, epoch)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE packages (
      id INTEGER PRIMARY KEY,
      module INTEGER NOT NULL REFERENCES modules (id),
      version TEXT NOT NULL,               -- major.minor.patch
      security_version INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      digest BLOB NOT NULL CHECK (length(digest) = 32),  -- SHA-256 of the file
      packed_at INTEGER NOT NULL,
      FOREIGN KEY (module, epoch) REFERENCES content_keys (module, epoch)
    ) STRICT;

    CREATE TABLE trust (
      kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
      value BLOB NOT NULL,                 -- thumbprint or measurement
      label TEXT NOT NULL,
      added_at INTEGER NOT NULL,
      seal BLOB NOT NULL CHECK (length(seal) = 16),
      PRIMARY KEY (kind, value)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE platforms (               -- shared by all devices of one silicon maker and software version
      id INTEGER PRIMARY KEY,
      device_root BLOB NOT NULL CHECK (length(device_root) = 32),
      loader_root BLOB NOT NULL CHECK (length(loader_root) = 32),
      loader BLOB NOT NULL CHECK (length(loader) = 64),
      decryptor_root BLOB NOT NULL CHECK (length(decryptor_root) = 32),
      decryptor BLOB NOT NULL CHECK (length(decryptor) = 64),
      UNIQUE (device_root, loader_root, loader, decryptor_root, decryptor)
    ) STRICT;

    CREATE TABLE batches (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE devices (
      id INTEGER PRIMARY KEY,
      device BLOB NOT NULL UNIQUE CHECK (length(device) = 32),
      status INTEGER NOT NULL CHECK (status BETWEEN 1 AND 6),
      batch INTEGER REFERENCES batches (id),
      added_at INTEGER NOT NULL,
      identity INTEGER NOT NULL,           -- the current one; no foreign key: two that refer to each other
                                           -- would make every insertion search a whole table
      seal BLOB NOT NULL CHECK (length(seal) = 16)
    ) STRICT;

    CREATE TABLE templates (               -- identities that others are stored as differences from
      id INTEGER PRIMARY KEY,
      platform INTEGER NOT NULL REFERENCES platforms (id),
      file BLOB NOT NULL
    ) STRICT;

    CREATE TABLE identities (
      id INTEGER PRIMARY KEY,
      device INTEGER NOT NULL REFERENCES devices (id),
      platform INTEGER NOT NULL REFERENCES platforms (id),
      grant_key BLOB NOT NULL CHECK (length(grant_key) = 32),
      key_epoch INTEGER NOT NULL CHECK (key_epoch >= 0),
      generation INTEGER NOT NULL CHECK (generation >= 0),  -- of the device's secure storage
      lifecycle INTEGER NOT NULL,
      template INTEGER REFERENCES templates (id),
      file BLOB NOT NULL,                  -- the identity file, or its difference from the template
      added_at INTEGER NOT NULL,
      previous INTEGER REFERENCES identities (id)  -- the identity that this one superseded
    ) STRICT;

    CREATE TABLE tags (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE device_tags (
      tag INTEGER NOT NULL REFERENCES tags (id),
      device INTEGER NOT NULL REFERENCES devices (id),
      seal BLOB NOT NULL CHECK (length(seal) = 16),
      PRIMARY KEY (tag, device)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tags_of_device ON device_tags (device);

    CREATE TABLE events (
      number INTEGER PRIMARY KEY,
      record BLOB NOT NULL,                -- CBOR
      hash BLOB NOT NULL CHECK (length(hash) = 32)
    ) STRICT;
    CREATE TRIGGER events_follow BEFORE INSERT ON events
      WHEN new.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM events)
      BEGIN SELECT raise(ABORT, 'events follow one another'); END;
    CREATE TRIGGER events_stay BEFORE UPDATE ON events
      BEGIN SELECT raise(ABORT, 'events stay as they are'); END;
    CREATE TRIGGER events_last BEFORE DELETE ON events
      BEGIN SELECT raise(ABORT, 'events stay'); END;

    CREATE TABLE status_changes (          -- who, why and when is in the event
      device INTEGER NOT NULL REFERENCES devices (id),
      event INTEGER NOT NULL REFERENCES events (number),
      former INTEGER NOT NULL,
      status INTEGER NOT NULL,
      PRIMARY KEY (device, event)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE jobs (
      id INTEGER PRIMARY KEY,
      digest BLOB NOT NULL CHECK (length(digest) = 32),  -- of what was asked for: asking again resumes
      position INTEGER NOT NULL,           -- the last device that is done, in the latest series
      started_at INTEGER NOT NULL,
      finished_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX unfinished_jobs ON jobs (digest) WHERE finished_at IS NULL;

    CREATE TABLE grant_series (            -- what grants of a job have in common
      id INTEGER PRIMARY KEY,
      job INTEGER NOT NULL REFERENCES jobs (id),
      module INTEGER NOT NULL REFERENCES modules (id),
      epoch INTEGER NOT NULL,
      terms BLOB NOT NULL,                 -- CBOR
      chain BLOB NOT NULL,                 -- CBOR
      count INTEGER NOT NULL,              -- of its grants
      is_foreign INTEGER NOT NULL CHECK (is_foreign IN (0, 1)),  -- another vault says that it issued them
      FOREIGN KEY (module, epoch) REFERENCES content_keys (module, epoch)
    ) STRICT;
    CREATE INDEX series_of_job ON grant_series (job);

    CREATE TABLE grants (
      device INTEGER NOT NULL REFERENCES devices (id),
      module INTEGER NOT NULL REFERENCES modules (id),
      sequence INTEGER NOT NULL CHECK (sequence >= 1),
      series INTEGER NOT NULL REFERENCES grant_series (id),
      identity INTEGER NOT NULL REFERENCES identities (id),  -- whose grant key it was wrapped to
      seal BLOB NOT NULL CHECK (length(seal) = 16),
      record BLOB CHECK (length(record) = 216),  -- the grant itself, where it is kept
      PRIMARY KEY (device, module, sequence)
    ) STRICT, WITHOUT ROWID;
    """
}
