import FoundationEssentials
import GRDB
public import HuskFormat

/// Which devices a job is for.
public enum GrantScope: Sendable {
  case selection(DeviceSelection)
  /// Their rows, in ascending order.
  case devices([Int64])
}

/// A device that is in line for a grant, as it stands in the vault.
public struct GrantCandidate: Sendable {
  public let row: Int64
  /// 32 bytes (SPEC 6.1).
  public let deviceID: [UInt8]
  public let status: DeviceStatus
  public let lifecycle: Lifecycle
  /// What its next grant for the module gets.
  public let sequence: UInt64
  /// The series of its latest grant for the module; nil if it never had one.
  public let latestSeries: Int64?
  let grantKey: [UInt8]
  let keyEpoch: UInt64
  let generation: UInt64
  let identityRow: Int64
  let platform: Platform
  let seal: [UInt8]

  /// Whom a grant is for; throws `foreignRecord`, `statusForbidsGrants` or `untrusted` (SPEC 14.4).
  public func recipient(with key: VaultKey, trust: TrustSet) throws(VaultError) -> GrantRecipient {
    let sealed = DeviceRecord.sealedContent(
      deviceID: deviceID, status: status, grantKey: grantKey, keyEpoch: keyEpoch,
      generation: generation, lifecycle: lifecycle, platform: platform)
    guard try key.isSealed(sealed, by: seal) else { throw .foreignRecord(.device) }
    guard status.allowsGrants else { throw .statusForbidsGrants(status) }
    if let (kind, value) = trust.missing(for: platform) { throw .untrusted(kind, value) }
    return GrantRecipient(deviceID: deviceID, grantKey: grantKey, lifecycle: lifecycle)
  }
}

/// Devices in line for grants of one module, in the order in which the vault got them. Nothing is held between two
/// calls: a million devices pass in constant memory.
public struct GrantCandidates {
  private let vault: Vault
  private let scope: GrantScope
  private let module: Name
  private var position: Int64
  /// Those met so far: devices of a fleet share a few.
  private var platforms: [Int64: Platform] = [:]

  /// - Parameter position: the row of the last device that isn't wanted; 0 to begin.
  public init(_ vault: Vault, _ scope: GrantScope, module: Name, after position: Int64) {
    self.vault = vault
    self.scope = scope
    self.module = module
    self.position = position
  }

  /// The next devices, at most `limit`; an empty list is the end.
  public mutating func next(_ limit: Int) throws(VaultError) -> [GrantCandidate] {
    var platforms = platforms
    let (position, scope, module) = (position, scope, module)
    let found = try vault.read { database in
      let moduleID = try database.moduleID(module)
      let condition = try database.condition(for: scope, after: position, limit: limit)
      let statement = try database.cachedStatement(
        sql: """
          SELECT devices.id, devices.device, devices.status, devices.seal, identities.id, identities.grant_key,
            identities.key_epoch, identities.lifecycle, identities.platform, latest.sequence, latest.series,
            identities.generation
          FROM devices JOIN identities ON identities.id = devices.identity
          LEFT JOIN grants AS latest ON latest.device = devices.id AND latest.module = ?1
            AND latest.sequence = (SELECT max(sequence) FROM grants WHERE device = devices.id AND module = ?1)
          WHERE devices.id > ?2 AND \(condition.sql) ORDER BY devices.id LIMIT \(limit)
          """)
      let rows = try Row.fetchCursor(statement, arguments: [moduleID, position] + condition.arguments)
      var candidates: [GrantCandidate] = []
      while let row = try rows.next() {
        candidates.append(try GrantCandidate(row, module, &platforms, database))
      }
      return candidates
    }
    self.platforms = platforms
    if let last = found.last { self.position = last.row }
    return found
  }
}

extension Vault {
  /// The rows of the devices that are named, in ascending order, none twice.
  ///
  /// - Parameter prefixes: their ids, or how they begin.
  /// - Throws: `noSuchDevice`, `ambiguousDevice`.
  public func rows(ofDevices prefixes: [String]) throws(VaultError) -> [Int64] {
    try read { database in
      var rows: Set<Int64> = []
      for prefix in prefixes { rows.insert(try database.device(prefix).row) }
      return rows.sorted()
    }
  }

  /// How many devices a scope has.
  public func deviceCount(_ scope: GrantScope) throws(VaultError) -> UInt64 {
    switch scope {
    case .selection(let selection): try deviceCount(selection)
    case .devices(let rows): UInt64(rows.count)
    }
  }
}

extension Database {
  /// A condition on devices, whose parameters follow the second.
  fileprivate func condition(
    for scope: GrantScope, after position: Int64, limit: Int
  ) throws -> (sql: String, arguments: StatementArguments) {
    switch scope {
    case .selection(let selection): return try condition(for: selection)
    case .devices(let rows):
      // The numbers are the vault's own.
      let first = rows.partitioningIndex { $0 > position }
      let next = rows[first...].prefix(limit)
      return ("devices.id IN (\(next.map(String.init).joined(separator: ", ")))", [])
    }
  }
}

extension [Int64] {
  /// The index of the first element for which a condition holds that holds for all behind it too.
  fileprivate func partitioningIndex(where holds: (Int64) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension GrantCandidate {
  fileprivate init(
    _ row: Row, _ module: Name, _ platforms: inout [Int64: Platform], _ database: Database
  ) throws {
    self.row = try row.value(0, Int64.self, .device)
    deviceID = Array(try row.value(1, Data.self, .device))
    guard let status = DeviceStatus(rawValue: try row.value(2, Int64.self, .device)) else {
      throw VaultError.damaged(.device)
    }
    self.status = status
    seal = Array(try row.value(3, Data.self, .device))
    identityRow = try row.value(4, Int64.self, .identity)
    grantKey = Array(try row.value(5, Data.self, .identity))
    guard deviceID.count == 32, grantKey.count == 32,
      let keyEpoch = UInt64(exactly: try row.value(6, Int64.self, .identity)),
      let state = UInt16(exactly: try row.value(7, Int64.self, .identity)),
      let lifecycle = Lifecycle(rawValue: state),
      let generation = UInt64(exactly: try row.value(11, Int64.self, .identity))
    else { throw VaultError.damaged(.identity) }
    self.keyEpoch = keyEpoch
    self.generation = generation
    self.lifecycle = lifecycle
    let platformRow = try row.value(8, Int64.self, .identity)
    if let platform = platforms[platformRow] {
      self.platform = platform
    } else {
      let found = try Row.fetchOne(database, sql: "SELECT * FROM platforms WHERE id = ?", arguments: [platformRow])
      guard let found else { throw VaultError.damaged(.platform) }
      platform = try Platform(found)
      platforms[platformRow] = platform
    }
    let latest = try row.optionalValue(9, Int64.self, .grant)
    guard let latest = UInt64(exactly: latest ?? 0) else { throw VaultError.damaged(.grant) }
    guard let sequence = number(after: latest) else { throw VaultError.lastSequence(module) }
    self.sequence = sequence
    latestSeries = try row.optionalValue(10, Int64.self, .grant)
  }
}

extension Row {
  // By index: a name would be looked up in every row.

  fileprivate func optionalValue<Value: DatabaseValueConvertible & StatementColumnConvertible>(
    _ index: Int, _: Value.Type, _ part: VaultError.Part
  ) throws -> Value? {
    do {
      return try decode(Value?.self, atIndex: index)
    } catch {
      throw VaultError.damaged(part)
    }
  }

  fileprivate func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(
    _ index: Int, _ type: Value.Type, _ part: VaultError.Part
  ) throws -> Value {
    guard let value = try optionalValue(index, type, part) else { throw VaultError.damaged(part) }
    return value
  }
}
