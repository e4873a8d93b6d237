import GRDB
import HuskFormat

/// What the log says a vault holds (SPEC 14.3): a sealed record that was removed, or put back as it was before, is still
/// well sealed, but isn't what the events come to.
struct LogReplay {
  private struct TrustEntry: Hashable {
    var kind: String
    var value: [UInt8]
  }

  private struct Epoch: Hashable {
    var module: String
    var number: UInt64
  }

  private struct StatusEvent {
    var number: UInt64
    var status: String?
    var digest: [UInt8]?
  }

  private var trust: Set<TrustEntry> = []
  private var statuses: [StatusEvent] = []
  private var devices: UInt64 = 0
  private var identities: UInt64 = 0
  private var grants: [Epoch: UInt64] = [:]
  private var importedGrants: UInt64 = 0
  private var contentKeys: UInt64 = 0

  /// Takes the next event in.
  mutating func take(_ event: Event) {
    switch event.action {
    case .trusted: if let entry = Self.trustEntry(event) { trust.insert(entry) }
    case .distrusted: if let entry = Self.trustEntry(event) { trust.remove(entry) }
    case .statusChanged:
      statuses.append(
        StatusEvent(number: event.number, status: event.text("status"), digest: event.bytes("digest")))
    case .devicesAdded:
      devices &+= event.number("added")
      for outcome in ["added", "updated", "rekeyed"] { identities &+= event.number(outcome) }
    case .granted:
      let epoch = Epoch(module: event.text("module") ?? "", number: event.number("epoch"))
      grants[epoch, default: 0] &+= event.number("devices")
    case .imported:
      importedGrants &+= event.number("grants")
      if event.text("contentKey") != nil { contentKeys &+= 1 }
    case .moduleBegun, .epochBegun: contentKeys &+= 1
    case .vaultCreated, .vaultKeyRotated, .clockAccepted, .tagged, .untagged, .packed, .contentKeysExported: break
    }
  }

  private static func trustEntry(_ event: Event) -> TrustEntry? {
    guard let kind = event.text("kind"), let value = event.bytes("value") else { return nil }
    return TrustEntry(kind: kind, value: value)
  }

  /// Tells what in a vault isn't what the events come to.
  func compare(_ database: Database, _ tell: (VaultError.Part, String) -> Void) throws {
    try compareTrust(database, tell)
    try compareStatuses(database, tell)
    try compareDevices(database, tell)
    try compareGrants(database, tell)
    let keys = try database.count("content_keys", .contentKey)
    if keys != contentKeys { tell(.contentKey, "there are \(keys) content keys, but \(contentKeys) by the log") }
  }

  private func compareTrust(_ database: Database, _ tell: (VaultError.Part, String) -> Void) throws {
    let found = Set(try database.sealedTrust().map { TrustEntry(kind: $0.trust.kind.name, value: $0.trust.value) })
    for (entries, words) in [
      (found.subtracting(trust), "is trusted, but not by the log"),
      (trust.subtracting(found), "is trusted by the log, but isn't"),
    ] {
      for words in entries.map({ "\($0.kind) \(hexadecimal($0.value)) \(words)" }).sorted() { tell(.trust, words) }
    }
  }

  /// The changes of each event are those of the devices that it tells of, and each device's last one holds.
  private func compareStatuses(_ database: Database, _ tell: (VaultError.Part, String) -> Void) throws {
    var expected = statuses[...]
    var ids: [[UInt8]] = []
    var isSame = true
    /// Ends an event's changes.
    func close() throws {
      guard let event = expected.popFirst() else { return }
      guard isSame, try event.digest == digest(ofDevices: ids) else {
        return tell(.statusChange, "the devices of event \(event.number) aren't those whose status it changed")
      }
    }
    let rows = try Row.fetchCursor(
      database,
      sql: """
        SELECT event, devices.device AS id, status_changes.status AS status
        FROM status_changes LEFT JOIN devices ON devices.id = status_changes.device
        ORDER BY event, status_changes.device
        """)
    while let row = try rows.next() {
      let number = try row.number("event", in: .statusChange)
      while let event = expected.first, event.number < number {
        try close()
        (ids, isSame) = ([], true)
      }
      guard let event = expected.first, event.number == number else {
        tell(.statusChange, "event \(number) changed no status, but a record says so")
        continue
      }
      ids.append(try row.bytes("id", in: .statusChange))
      let status = DeviceStatus(rawValue: try row.rowID("status", in: .statusChange))
      if status?.name != event.status { isSame = false }
    }
    while !expected.isEmpty {
      try close()
      (ids, isSame) = ([], true)
    }
  }

  private func compareDevices(_ database: Database, _ tell: (VaultError.Part, String) -> Void) throws {
    let found = (try database.count("devices", .device), try database.count("identities", .identity))
    if found.0 != devices { tell(.device, "there are \(found.0) devices, but \(devices) by the log") }
    if found.1 != identities { tell(.identity, "there are \(found.1) identities, but \(identities) by the log") }
    let rows = try Row.fetchCursor(
      database,
      sql: """
        SELECT hex(devices.device) AS name FROM devices
        JOIN (SELECT device, max(id) AS latest FROM identities GROUP BY device) AS own ON own.device = devices.id
        WHERE identity <> latest
        """)
    while let row = try rows.next() {
      tell(.device, "device \(try row.text("name", in: .device).lowercased()): it has a later identity")
    }
  }

  private func compareGrants(_ database: Database, _ tell: (VaultError.Part, String) -> Void) throws {
    var found: [Epoch: UInt64] = [:]
    var foundImported: UInt64 = 0
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT name, epoch, is_foreign, count(*) AS n FROM grants
        JOIN grant_series ON grant_series.id = series JOIN modules ON modules.id = grants.module
        GROUP BY name, epoch, is_foreign
        """)
    for row in rows {
      let count = try row.number("n", in: .grant)
      if try row.number("is_foreign", in: .grant) == 1 {
        foundImported &+= count
      } else {
        found[Epoch(module: try row.name().text, number: try row.number("epoch", in: .grant))] = count
      }
    }
    let epochs = Set(found.keys).union(grants.keys)
    for epoch in epochs.sorted(by: { ($0.module, $0.number) < ($1.module, $1.number) }) {
      let (count, told) = (found[epoch] ?? 0, grants[epoch] ?? 0)
      guard count != told else { continue }
      tell(.grant, "\(epoch.module), epoch \(epoch.number): there are \(count) grants, but \(told) by the log")
    }
    if foundImported != importedGrants {
      tell(.grant, "there are \(foundImported) imported grants, but \(importedGrants) by the log")
    }
  }
}

extension Event {
  fileprivate func text(_ name: String) -> String? {
    if case .text(let text) = details.first(where: { $0.name == name })?.value { text } else { nil }
  }

  fileprivate func bytes(_ name: String) -> [UInt8]? {
    if case .bytes(let bytes) = details.first(where: { $0.name == name })?.value { bytes } else { nil }
  }

  /// 0 where it isn't told.
  fileprivate func number(_ name: String) -> UInt64 {
    if case .number(let number) = details.first(where: { $0.name == name })?.value { number } else { 0 }
  }
}

extension Database {
  fileprivate func count(_ table: String, _ part: VaultError.Part) throws -> UInt64 {
    try Row.fetchOne(self, sql: "SELECT count(*) AS n FROM \(table)")?.number("n", in: part) ?? 0
  }
}
