import DICE
import GRDB
import HuskFormat

/// Something that is wrong with a vault.
public struct Finding: Equatable, Sendable {
  public let part: VaultError.Part
  /// What, for people.
  public let what: String
}

/// What came of examining a vault.
public struct CheckReport: Equatable, Sendable {
  public internal(set) var findings: [Finding] = []
  /// Whether what only a holder of the vault key can check was checked.
  public let isUnlocked: Bool
  /// What was looked at, by kind.
  public internal(set) var counts: [(name: String, count: UInt64)] = []

  /// No report names more.
  static let mostFindings = 1000

  public static func == (one: CheckReport, other: CheckReport) -> Bool {
    one.findings == other.findings && one.isUnlocked == other.isUnlocked
      && one.counts.elementsEqual(other.counts) { $0.name == $1.name && $0.count == $1.count }
  }

  mutating func note(_ part: VaultError.Part, _ what: String) {
    if findings.count < Self.mostFindings { findings.append(Finding(part: part, what: what)) }
  }
}

extension Vault {
  /// Examines the vault from end to end, and changes nothing: the database's own structures, every record and what it
  /// refers to, the log's chain, and that the records are what the events come to, every identity; with the vault's key
  /// also every content key and seal.
  ///
  /// - Parameter head: what the log must contain.
  /// - Throws: what keeps the vault from being examined at all. What is damaged stands in the report.
  public func check(with key: VaultKey?, head: LogHead? = nil) throws(VaultError) -> CheckReport {
    try read { database in
      var check = Check(database, head: head, isUnlocked: key != nil)
      check.structure()
      check.log()
      check.trust(key)
      check.modules(key)
      check.devices(key)
      if let key {
        check.tags(key)
        check.grants(key)
      }
      check.relations()
      check.replay()
      return check.report
    }
  }
}

private struct Check {
  let database: Database
  let head: LogHead?
  var report: CheckReport
  /// Of a log that is whole.
  private var events: LogReplay?

  init(_ database: Database, head: LogHead?, isUnlocked: Bool) {
    self.database = database
    self.head = head
    report = CheckReport(isUnlocked: isUnlocked)
  }

  // MARK: The database

  mutating func structure() {
    attempt(.meta) { check in
      for row in try Row.fetchAll(check.database, sql: "PRAGMA integrity_check(100)") {
        let words: String = row[0]
        if words != "ok" { check.report.note(.meta, "database: \(words)") }
      }
      for row in try Row.fetchAll(check.database, sql: "PRAGMA foreign_key_check").prefix(100) {
        let (table, parent): (String?, String?) = (row[0], row[2])
        check.report.note(.meta, "a row of \(table ?? "?") refers to one of \(parent ?? "?") that isn't there")
      }
      let meta = try check.database.meta()
      if meta.keyGeneration < 1 { check.report.note(.meta, "the key's generation is 0") }
    }
  }

  // MARK: The log

  mutating func log() {
    attempt(.event) { check in
      var (count, latest): (UInt64, UInt64) = (0, 0)
      var events = LogReplay()
      var hash = try EventChain.start(of: check.database.meta().id)
      var isHeadFound = check.head?.count == 0 && check.head?.hash == hash
      let rows = try Row.fetchCursor(check.database, sql: "SELECT number, record, hash FROM events ORDER BY number")
      while let row = try rows.next() {
        count += 1
        let record = try row.bytes("record", in: .event)
        hash = try EventChain.hash(of: record, after: hash)
        guard try row.number("number", in: .event) == count else {
          check.report.note(.event, "event \(count) is missing")
          return
        }
        guard try row.bytes("hash", in: .event) == hash, let event = Event(record), event.number == count else {
          check.report.note(.event, "event \(count) was altered, or one before it")
          return
        }
        if event.at < latest, event.action != .clockAccepted {
          check.report.note(.event, "event \(count) is earlier than the one before")
        }
        latest = event.at
        events.take(event)
        if check.head?.count == count, check.head?.hash == hash { isHeadFound = true }
      }
      check.report.counts.append(("events", count))
      check.events = events
      guard let head = check.head else { return }
      if head.vaultID != (try check.database.meta().id) {
        check.report.note(.event, "the head is another vault's")
      } else if count < head.count {
        check.report.note(.event, "the log ends at event \(count), but had \(head.count) once")
      } else if !isHeadFound {
        check.report.note(.event, "the log up to event \(head.count) isn't what it was once")
      }
    }
  }

  // MARK: Trust and modules

  mutating func trust(_ key: VaultKey?) {
    do {
      let entries = try database.sealedTrust()
      report.counts.append(("trust", UInt64(entries.count)))
      guard let key else { return }
      for entry in entries where try !key.isSealed(entry.trust.sealedContent, by: entry.seal) {
        report.note(.trust, "\(entry.trust.kind.name) \(hexadecimal(entry.trust.value)): not made with the vault's key")
      }
    } catch {
      note(error, .trust)
    }
  }

  mutating func modules(_ key: VaultKey?) {
    do {
      let rows = try Row.fetchAll(
        database,
        sql: """
          SELECT name, epoch, sealed, created_at FROM modules JOIN content_keys ON module = id ORDER BY name, epoch
          """)
      report.counts.append(("content keys", UInt64(rows.count)))
      for row in rows {
        do {
          let name = try row.name()
          let epoch = try row.number("epoch", in: .contentKey)
          let sealed = try row.bytes("sealed", in: .contentKey)
          _ = try row.number("created_at", in: .contentKey)
          guard let key else { continue }
          do throws(VaultError) {
            _ = try key.open(sealed, of: name, epoch: epoch)
          } catch {
            report.note(.contentKey, "the content key of \(name.text), epoch \(epoch), doesn't open")
          }
        } catch {
          report.note(.contentKey, "a content key's record isn't one")
        }
      }
    } catch {
      note(error, .contentKey)
    }
  }

  // MARK: Devices

  mutating func devices(_ key: VaultKey?) {
    do {
      let rows = try Row.fetchCursor(database, sql: "\(DeviceRecord.query) ORDER BY devices.id")
      var count: UInt64 = 0
      while let row = try rows.next() {
        count += 1
        let name = "device \((row["device"] as DatabaseValue?).map { "\($0)" } ?? "?")"
        do {
          let device = try DeviceRecord(row)
          if let words = try fault(of: device, key) {
            report.note(.device, "device \(hexadecimal(device.deviceID)): \(words)")
          }
        } catch {
          report.note(.device, "\(name): its record isn't one")
        }
      }
      report.counts.append(("devices", count))
      let all = try Row.fetchOne(database, sql: "SELECT count(*) AS n FROM devices")?.number("n", in: .device)
      if all != count { report.note(.device, "devices without an identity: \((all ?? 0) - min(all ?? 0, count))") }
    } catch {
      note(error, .device)
    }
  }

  /// Whether a record says the same as the identity file, and is sealed.
  private func fault(of device: DeviceRecord, _ key: VaultKey?) throws -> String? {
    if let key, try !key.isSealed(device.sealedContent(as: device.status), by: device.seal) {
      return "its record was not made with the vault's key"
    }
    guard let bytes = try? database.identityFile(device.identity.row), let file = try? IdentityFile(bytes),
      let claims = try? file.unverifiedClaims(), let id = try? file.unverifiedDeviceID()
    else { return "its identity can't be read" }
    let isSame =
      id == device.deviceID && claims.grantKey == device.identity.grantKey
      && claims.keyEpoch == device.identity.keyEpoch && claims.generation == device.identity.generation
      && claims.lifecycle == device.identity.lifecycle
      && file.dice.map(\.codeHash) == [device.identity.platform.loader, device.identity.platform.decryptor]
    return isSame ? nil : "its identity says something else than its record"
  }

  // MARK: What selects devices

  mutating func tags(_ key: VaultKey) {
    attempt(.tag) { check in
      let sealer = try key.makeSealer()
      var last: (tag: Int64, device: Int64) = (0, 0)
      while true {
        let tags = try check.database.sealedTags(after: last, limit: 1000)
        guard let end = tags.last else { return }
        for tag in tags where try !sealer.isSealed(tag.content, by: tag.seal) {
          check.report.note(.tag, "\(tag.words): not made with the vault's key")
        }
        last = (end.tag, end.device)
      }
    }
  }

  mutating func grants(_ key: VaultKey) {
    attempt(.grant) { check in
      let sealer = try key.makeSealer()
      var digests = TermsDigests()
      var last: Int64 = 0
      while true {
        let grants = try check.database.sealedGrants(afterDevice: last, devices: 1000, &digests)
        guard let end = grants.last else { return }
        for grant in grants where try !sealer.isSealed(grant.content, by: grant.seal) {
          check.report.note(.grant, "\(grant.words): not made with the vault's key")
        }
        last = end.device
      }
    }
  }

  // MARK: Everything else

  mutating func relations() {
    let rules: [(part: VaultError.Part, table: String, fault: String)] = [
      (.grant, "grants", "sequence < 1 OR length(record) <> 216"),
      (.grant, "grant_series", "epoch < 1 OR count < 0"),
      (.package, "packages", "epoch < 1 OR packed_at < 0 OR security_version < 0 OR length(digest) <> 32"),
      (.identity, "identities", "key_epoch < 0 OR added_at < 0 OR previous >= id"),
      (.device, "devices", "added_at < 0"),
      (.job, "jobs", "started_at < 0 OR finished_at < started_at"),
    ]
    for (part, table, fault) in rules {
      attempt(part) { check in
        let row = try Row.fetchOne(
          check.database, sql: "SELECT count(*) AS n, coalesce(sum(\(fault)), 0) AS faults FROM \(table)")
        let faults = try row?.number("faults", in: part) ?? 0
        if faults > 0 { check.report.note(part, "\(table): \(faults) rows with numbers that can't be") }
        if table == "grants" { check.report.counts.append(("grants", try row?.number("n", in: part) ?? 0)) }
      }
    }
    attempt(.statusChange) { check in
      let rows = try Row.fetchCursor(
        check.database,
        sql: "SELECT hex(device) AS name FROM devices WHERE status <> coalesce((SELECT last.status FROM status_changes "
          + "AS last WHERE last.device = devices.id ORDER BY event DESC LIMIT 1), \(DeviceStatus.active.rawValue))")
      while let row = try rows.next() {
        check.report.note(
          .statusChange,
          "device \(try row.text("name", in: .device).lowercased()): its status isn't what it was put into last")
      }
    }
  }

  /// What the seals can't tell: that nothing is missing, or as it was before.
  mutating func replay() {
    guard let events else { return }
    attempt(.event) { check in
      var findings: [(VaultError.Part, String)] = []
      defer { for (part, words) in findings { check.report.note(part, words) } }
      try events.compare(check.database) { findings.append(($0, $1)) }
    }
  }

  /// Goes on with the next part whatever this one ran into.
  private mutating func attempt(_ part: VaultError.Part, _ body: (inout Check) throws -> Void) {
    do {
      try body(&self)
    } catch {
      note(error, part)
    }
  }

  private mutating func note(_ error: any Error, _ part: VaultError.Part) {
    let words = (error as? DatabaseError)?.message
    report.note(part, words.map { "can't be read: \($0)" } ?? "a record isn't one")
  }
}
