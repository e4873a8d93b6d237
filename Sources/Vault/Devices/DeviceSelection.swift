import FoundationEssentials
import GRDB

/// Which devices are meant: those that fit everything that is given.
public struct DeviceSelection: Equatable, Sendable {
  public var statuses: [DeviceStatus] = []
  public var batch: String?
  public var tag: String?
  /// Beginnings of device ids, in hexadecimal digits.
  public var prefixes: [String] = []

  public init() {}
}

extension Vault {
  /// The next devices of a selection, in the order in which they were added; an empty list is the end.
  ///
  /// Nothing is held between two calls: a million devices pass in constant memory, and who writes doesn't wait.
  ///
  /// - Parameters:
  ///   - row: the ``DeviceRecord/row`` of the last device that was seen; 0 to begin.
  ///   - limit: how many at most.
  /// - Throws: `noSuchTag`, `noSuchBatch`, so that a slip of the pen doesn't select nothing in silence.
  public func devices(
    _ selection: DeviceSelection, after row: Int64, limit: Int
  ) throws(VaultError) -> [DeviceRecord] {
    try read { database in
      let condition = try database.condition(for: selection)
      return try Row.fetchAll(
        database,
        sql: "\(DeviceRecord.query) WHERE devices.id > ? AND \(condition.sql) ORDER BY devices.id LIMIT ?",
        arguments: [row] + condition.arguments + [limit]
      ).map { try DeviceRecord($0) }
    }
  }

  /// How many devices fit.
  public func deviceCount(_ selection: DeviceSelection) throws(VaultError) -> UInt64 {
    try read { database in
      let condition = try database.condition(for: selection)
      let row = try Row.fetchOne(
        database, sql: "SELECT count(*) AS n FROM devices WHERE \(condition.sql)", arguments: condition.arguments)
      return try row?.number("n", in: .device) ?? 0
    }
  }

  /// How many devices are in each status.
  public func deviceCounts() throws(VaultError) -> [(status: DeviceStatus, count: UInt64)] {
    try read { database in
      try Row.fetchAll(database, sql: "SELECT status, count(*) AS n FROM devices GROUP BY status ORDER BY status").map {
        guard let status = DeviceStatus(rawValue: try $0.rowID("status", in: .device)) else {
          throw VaultError.damaged(.device)
        }
        return (status, try $0.number("n", in: .device))
      }
    }
  }

  /// The one device whose id begins with these hexadecimal digits; throws `noSuchDevice` or `ambiguousDevice`.
  public func device(_ prefix: String) throws(VaultError) -> DeviceRecord {
    try read { try $0.device(prefix) }
  }

  /// A device's tags, by name.
  public func tags(of device: DeviceRecord) throws(VaultError) -> [String] {
    try tags(of: [device])[device.row] ?? []
  }

  /// Devices' tags, by name, under the devices' ``DeviceRecord/row``s; nothing for those that have none.
  public func tags(of devices: [DeviceRecord]) throws(VaultError) -> [Int64: [String]] {
    try read { database in
      // The numbers are the vault's own.
      let rows = devices.map { String($0.row) }.joined(separator: ", ")
      let found = try Row.fetchAll(
        database,
        sql: "SELECT device, name FROM device_tags JOIN tags ON tags.id = tag WHERE device IN (\(rows)) ORDER BY name")
      var tags: [Int64: [String]] = [:]
      for row in found {
        tags[try row.rowID("device", in: .device), default: []].append(try row.text("name", in: .device))
      }
      return tags
    }
  }
}

extension Database {
  func device(_ prefix: String) throws -> DeviceRecord {
    guard let range = DeviceIDRange(prefix) else { throw VaultError.noSuchDevice(prefix) }
    let rows = try Row.fetchAll(
      self, sql: "\(DeviceRecord.query) WHERE devices.device BETWEEN ? AND ? LIMIT 2",
      arguments: [Data(range.lowest), Data(range.highest)])
    guard let row = rows.first else { throw VaultError.noSuchDevice(prefix) }
    guard rows.count == 1 else { throw VaultError.ambiguousDevice(prefix) }
    return try DeviceRecord(row)
  }

  func condition(for selection: DeviceSelection) throws -> (sql: String, arguments: StatementArguments) {
    var parts = ["1"]
    var arguments = StatementArguments()
    if !selection.statuses.isEmpty {
      // The numbers are Husk's own.
      parts.append("devices.status IN (\(selection.statuses.map { "\($0.rawValue)" }.joined(separator: ", ")))")
    }
    if let batch = selection.batch {
      guard let id = try row(named: batch, in: "batches") else { throw VaultError.noSuchBatch(batch) }
      parts.append("devices.batch = ?")
      arguments += [id]
    }
    if let tag = selection.tag {
      guard let id = try row(named: tag, in: "tags") else { throw VaultError.noSuchTag(tag) }
      parts.append("devices.id IN (SELECT device FROM device_tags WHERE tag = ?)")
      arguments += [id]
    }
    if !selection.prefixes.isEmpty {
      var ranges: [String] = []
      for prefix in selection.prefixes {
        guard let range = DeviceIDRange(prefix) else { throw VaultError.noSuchDevice(prefix) }
        ranges.append("devices.device BETWEEN ? AND ?")
        arguments += [Data(range.lowest), Data(range.highest)]
      }
      parts.append("(\(ranges.joined(separator: " OR ")))")
    }
    return (parts.joined(separator: " AND "), arguments)
  }

  /// The row of a tag or batch.
  func row(named name: String, in table: String) throws -> Int64? {
    try Row.fetchOne(self, sql: "SELECT id FROM \(table) WHERE name = ?", arguments: [name])?.rowID("id", in: .device)
  }

  /// The row of a tag or batch, which is made if need be.
  func ensureRow(named name: String, in table: String) throws -> Int64 {
    guard DeviceLabel.isAllowed(name) else { throw VaultError.unusableLabel }
    if let id = try row(named: name, in: table) { return id }
    try execute(sql: "INSERT INTO \(table) (name) VALUES (?)", arguments: [name])
    return lastInsertedRowID
  }
}

/// The ids that begin with some hexadecimal digits.
private struct DeviceIDRange {
  let lowest: [UInt8]
  let highest: [UInt8]

  init?(_ prefix: String) {
    let digits = prefix.utf8.map { digit -> UInt8? in
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
      default: nil
      }
    }
    guard !digits.isEmpty, digits.count <= 64 else { return nil }
    var lowest = [UInt8](repeating: 0, count: 32)
    var highest = [UInt8](repeating: 0xff, count: 32)
    for (index, digit) in digits.enumerated() {
      guard let digit else { return nil }
      let shift = index % 2 == 0 ? 4 : 0
      lowest[index / 2] |= digit << UInt8(shift)
      highest[index / 2] &= digit << UInt8(shift) | (shift == 4 ? 0x0f : 0xf0)
    }
    self.lowest = lowest
    self.highest = highest
  }
}
