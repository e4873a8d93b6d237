import Cryptography
import FoundationEssentials
import GRDB

/// A change of a device's status.
public struct StatusChange: Equatable, Sendable {
  public let from: DeviceStatus
  public let to: DeviceStatus
  /// Seconds since 1970.
  public let at: UInt64
  public let who: String
  public let why: String
}

extension Vault {
  /// Puts devices into a status, in one transaction, in the order in which the vault got them (SPEC 14.5). Those that are
  /// in it already stay as they are.
  ///
  /// - Parameters:
  ///   - devices: as they were read from this vault: one that was changed since then isn't changed.
  ///   - tag: what they were selected by, if by a tag.
  ///   - why: for people who ask later.
  /// - Returns: how many were changed.
  /// - Throws: `decommissioned` where a device can't leave that status; `foreignRecord`.
  public func setStatus(
    _ status: DeviceStatus, of devices: [DeviceRecord], selectedBy tag: String?, why: String, with key: VaultKey,
    on occasion: Occasion
  ) throws(VaultError) -> Int {
    try write(with: key) { database in
      try database.check(tag, of: devices, with: key)
      var changed: [(device: DeviceRecord, seal: [UInt8])] = []
      for device in devices.sorted(by: { $0.row < $1.row }) where changed.last?.device.row != device.row {
        let statement = try database.cachedStatement(sql: "\(DeviceRecord.query) WHERE devices.id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [device.row]) else { throw VaultError.damaged(.device) }
        let current = try DeviceRecord(row)
        if current.status == status { continue }
        guard current.status != .decommissioned else { throw VaultError.decommissioned }
        try current.check(with: key)
        changed.append((current, try key.seal(current.sealedContent(as: status))))
      }
      guard !changed.isEmpty else { return 0 }
      let event = try database.append(
        .statusChanged,
        [
          Event.Detail("status", .text(status.name)), Event.Detail("why", .text(why)),
          Event.Detail("devices", .number(UInt64(changed.count))),
          Event.Detail("digest", .bytes(try digest(ofDevices: changed.map(\.device.deviceID)))),
        ], on: occasion)
      for (device, seal) in changed {
        try database.cachedStatement(sql: "UPDATE devices SET status = ?, seal = ? WHERE id = ?")
          .execute(arguments: [status.rawValue, Data(seal), device.row])
        try database.cachedStatement(
          sql: "INSERT INTO status_changes (device, event, former, status) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [device.row, Int64(clamping: event), device.status.rawValue, status.rawValue])
      }
      return changed.count
    }
  }

  /// A device's changes of status, in order.
  public func statusChanges(of device: DeviceRecord) throws(VaultError) -> [StatusChange] {
    try read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT former, status, record FROM status_changes JOIN events ON number = event
          WHERE device = ? ORDER BY event
          """,
        arguments: [device.row]
      ).map { row in
        guard let from = DeviceStatus(rawValue: try row.rowID("former", in: .statusChange)),
          let to = DeviceStatus(rawValue: try row.rowID("status", in: .statusChange)),
          let event = Event(try row.bytes("record", in: .event))
        else { throw VaultError.damaged(.statusChange) }
        var why = ""
        if case .text(let text) = event.details.first(where: { $0.name == "why" })?.value { why = text }
        return StatusChange(from: from, to: to, at: event.at, who: event.who, why: why)
      }
    }
  }

  /// Gives devices a tag, in one transaction. Returns how many didn't have it.
  ///
  /// - Parameter former: what they were selected by, if by a tag.
  /// - Throws: `foreignRecord` where a device's record, or that it has `former`, wasn't made with the vault key.
  public func tag(
    _ devices: [DeviceRecord], as name: String, selectedBy former: String?, with key: VaultKey, on occasion: Occasion
  ) throws(VaultError) -> Int {
    try write(with: key) { database in
      try database.check(former, of: devices, with: key)
      let sealer = try key.makeSealer()
      let tag = try database.ensureRow(named: name, in: "tags")
      var changed: [DeviceRecord] = []
      for device in devices {
        try device.check(with: key)
        let seal = try sealer.seal(SealedRecord.tag(name, of: device.deviceID))
        if try database.insertTag(tag, of: device.row, seal: seal) { changed.append(device) }
      }
      return try database.appendChange(.tagged, of: changed, name, occasion)
    }
  }

  /// Takes a tag from devices, in one transaction. Returns how many had it.
  public func untag(_ devices: [DeviceRecord], as name: String, on occasion: Occasion) throws(VaultError) -> Int {
    try write { database in
      guard let tag = try database.row(named: name, in: "tags") else { throw VaultError.noSuchTag(name) }
      let statement = try database.cachedStatement(sql: "DELETE FROM device_tags WHERE tag = ? AND device = ?")
      var changed: [DeviceRecord] = []
      for device in devices {
        try statement.execute(arguments: [tag, device.row])
        if database.changesCount > 0 { changed.append(device) }
      }
      return try database.appendChange(.untagged, of: changed, name, occasion)
    }
  }
}

extension Database {
  /// Gives a device a tag; false if it has it.
  func insertTag(_ tag: Int64, of device: Int64, seal: [UInt8]) throws -> Bool {
    let statement = try cachedStatement(sql: "INSERT OR IGNORE INTO device_tags (tag, device, seal) VALUES (?, ?, ?)")
    try statement.execute(arguments: [tag, device, Data(seal)])
    return changesCount > 0
  }

  /// Throws `foreignRecord` unless devices were given a tag with the vault key: nothing is done on the strength of what
  /// somebody else put there.
  fileprivate func check(_ name: String?, of devices: [DeviceRecord], with key: VaultKey) throws {
    guard let name else { return }
    guard let tag = try row(named: name, in: "tags") else { throw VaultError.noSuchTag(name) }
    let sealer = try key.makeSealer()
    let statement = try cachedStatement(sql: "SELECT seal FROM device_tags WHERE tag = ? AND device = ?")
    for device in devices {
      let row = try Row.fetchOne(statement, arguments: [tag, device.row])
      guard let seal = try row?.bytes("seal", in: .tag) else { throw VaultError.deviceChanged }
      guard try sealer.isSealed(SealedRecord.tag(name, of: device.deviceID), by: seal) else {
        throw VaultError.foreignRecord(.tag)
      }
    }
  }

  /// Records a change of tags; returns of how many devices.
  fileprivate func appendChange(
    _ action: Event.Action, of changed: [DeviceRecord], _ name: String, _ occasion: Occasion
  ) throws -> Int {
    guard !changed.isEmpty else { return 0 }
    try append(
      action,
      [
        Event.Detail("tag", .text(name)), Event.Detail("devices", .number(UInt64(changed.count))),
        Event.Detail("digest", .bytes(try digest(ofDevices: changed.map(\.deviceID)))),
      ], on: occasion)
    return changed.count
  }
}

/// SHA-256 of devices' ids, one behind the other: what an event covered.
func digest(ofDevices ids: [[UInt8]]) throws(CryptographyError) -> [UInt8] {
  var hash = try SHA256()
  for id in ids { try hash.update(id.span.bytes) }
  return try hash.finalize()
}
