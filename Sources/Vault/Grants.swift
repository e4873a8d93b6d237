import Cryptography
import FoundationEssentials
import GRDB
public import HuskFormat

/// A grant that was issued.
public struct GrantRecord: Equatable, Sendable {
  public let module: Name
  public let sequence: UInt64
  public let epoch: UInt64
  /// Seconds since 1970.
  public let issuedAt: UInt64
  /// Whether it was wrapped to the grant key that the device has now.
  public let isForCurrentKey: Bool
}

extension Vault {
  /// Records a grant with the next sequence number for its device and module. If `issue` throws, nothing is recorded.
  ///
  /// - Parameter issue: makes the grant, given its sequence number, and puts it safely away.
  /// - Throws: a ``VaultError``, or what `issue` throws.
  public func recordGrant(
    of module: Name, epoch: UInt64, to grantee: Grantee, on occasion: Occasion, issue: (UInt64) throws -> Void
  ) throws {
    do {
      try transaction { database in
        try database.requireCurrent(grantee)
        let moduleID = try database.moduleID(module)
        let sequence = try database.nextSequence(device: grantee.row, moduleID: moduleID, module)
        try database.insert(
          grant: sequence, to: grantee, moduleID: moduleID, epoch: epoch, job: nil, now: occasion.now)
        try database.append(
          .granted,
          [
            Event.Detail("module", .text(module.text)), Event.Detail("epoch", .number(epoch)),
            Event.Detail("devices", .number(1)),
            Event.Detail("digest", .bytes(try SHA256.hash(grantee.deviceID.span.bytes))),
          ], on: occasion)
        try issue(sequence)
      }
    } catch let error as DatabaseError {
      throw VaultError(error)
    } catch let error as RowDecodingError {
      throw VaultError(error)
    }
  }

  /// The grants that a device got, by module and in order.
  public func grants(of device: DeviceRecord) throws(VaultError) -> [GrantRecord] {
    try read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT name, sequence, epoch, issued_at, grant_key FROM grants
          JOIN modules ON modules.id = module JOIN identities ON identities.id = identity
          WHERE grants.device = ? ORDER BY name, sequence
          """,
        arguments: [device.row]
      ).map { row in
        GrantRecord(
          module: try row.name(), sequence: try row.number("sequence", in: .grant),
          epoch: try row.number("epoch", in: .grant), issuedAt: try row.number("issued_at", in: .grant),
          isForCurrentKey: try row.bytes("grant_key", in: .identity) == device.identity.grantKey)
      }
    }
  }
}

extension Database {
  /// Throws `statusForbidsGrants`, or `deviceChanged` where the device's identity isn't what it was when it was read.
  func requireCurrent(_ grantee: Grantee) throws {
    let statement = try cachedStatement(sql: "SELECT status, identity FROM devices WHERE id = ?")
    guard let row = try Row.fetchOne(statement, arguments: [grantee.row]),
      let status = DeviceStatus(rawValue: try row.rowID("status", in: .device))
    else { throw VaultError.damaged(.device) }
    guard status.allowsGrants else { throw VaultError.statusForbidsGrants(status) }
    guard try row.rowID("identity", in: .device) == grantee.identityRow else { throw VaultError.deviceChanged }
  }

  func nextSequence(device: Int64, moduleID: Int64, _ module: Name) throws -> UInt64 {
    let statement = try cachedStatement(
      sql: "SELECT sequence FROM grants WHERE device = ? AND module = ? ORDER BY sequence DESC LIMIT 1")
    let highest = try Row.fetchOne(statement, arguments: [device, moduleID])?.number("sequence", in: .grant)
    guard let next = number(after: highest ?? 0) else { throw VaultError.lastSequence(module) }
    return next
  }

  func insert(
    grant sequence: UInt64, to grantee: Grantee, moduleID: Int64, epoch: UInt64, job: Int64?, now: UInt64
  ) throws {
    let statement = try cachedStatement(
      sql: """
        INSERT INTO grants (device, module, sequence, epoch, issued_at, identity, job) VALUES (?, ?, ?, ?, ?, ?, ?)
        """)
    try statement.execute(arguments: [
      grantee.row, moduleID, Int64(clamping: sequence), Int64(clamping: epoch), Int64(clamping: now),
      grantee.identityRow, job,
    ])
  }
}

/// SHA-256 of devices' ids, one behind the other: what an event covered.
func digest(of devices: [DeviceRecord]) throws(CryptographyError) -> [UInt8] {
  let ids = devices.flatMap(\.deviceID)
  return try SHA256.hash(ids.span.bytes)
}
