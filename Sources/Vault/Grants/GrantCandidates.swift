import FoundationEssentials
import GRDB
public import HuskFormat

/// Which devices a job is for.
public enum GrantScope: Sendable {
  case selection(DeviceSelection)
  /// Their rows, in ascending order.
  case devices([Int64])
}

/// A device that is in line for a grant, as it stands in the vault; a ``CandidateCheck`` says whether it gets one.
public struct GrantCandidate: Sendable {
  public let row: Int64
  /// 32 bytes (SPEC 6.1).
  public let deviceID: [UInt8]
  public let status: DeviceStatus
  public let lifecycle: Lifecycle
  /// What its next grant for the module gets.
  public let sequence: UInt64
  let module: Name
  /// Its latest grant for the module; nil if it never had one.
  let latest: Latest?
  /// The tag that it was selected by.
  let tag: (name: String, seal: [UInt8])?
  let batch: String?
  let grantKey: [UInt8]
  let keyEpoch: UInt64
  let generation: UInt64
  let identityRow: Int64
  let platform: Platform
  let seal: [UInt8]

  struct Latest {
    let sequence: UInt64
    let series: Int64
    /// SHA-256 of the series' terms; nil if another vault says that it issued it.
    let terms: [UInt8]?
    let seal: [UInt8]
  }

  /// Whether its latest grant for the module has these terms.
  public func hasGrant(on terms: GrantedTerms) -> Bool {
    guard let latest, let digest = latest.terms else { return false }
    return terms.series[latest.series] == digest
  }
}

/// Devices in line for grants of one module, in the order in which the vault got them. Nothing is held between two
/// calls: a million devices pass in constant memory.
public struct GrantCandidates {
  private let vault: Vault
  private let scope: GrantScope
  private let module: Name
  private var position: Int64
  private var shared = SharedRecords()

  /// - Parameter position: the row of the last device that isn't wanted; 0 to begin.
  public init(_ vault: Vault, _ scope: GrantScope, module: Name, after position: Int64) {
    self.vault = vault
    self.scope = scope
    self.module = module
    self.position = position
  }

  /// The next devices, at most `limit`; an empty list is the end.
  public mutating func next(_ limit: Int) throws(VaultError) -> [GrantCandidate] {
    var shared = shared
    let (position, scope, module) = (position, scope, module)
    let found = try vault.read { database in
      let moduleID = try database.moduleID(module)
      let condition = try database.condition(for: scope, after: position, limit: limit)
      let statement = try database.cachedStatement(
        sql: """
          SELECT devices.id, devices.device, devices.status, devices.seal, devices.batch, identities.id,
            identities.grant_key, identities.key_epoch, identities.lifecycle, identities.platform,
            identities.generation, latest.sequence, latest.series, latest.seal, \(condition.tagSeal)
          FROM devices JOIN identities ON identities.id = devices.identity
          LEFT JOIN grants AS latest ON latest.device = devices.id AND latest.module = ?1
            AND latest.sequence = (SELECT max(sequence) FROM grants WHERE device = devices.id AND module = ?1)
          WHERE devices.id > ?2 AND \(condition.sql) ORDER BY devices.id LIMIT \(limit)
          """)
      let rows = try Row.fetchCursor(statement, arguments: [moduleID, position] + condition.arguments)
      var candidates: [GrantCandidate] = []
      candidates.reserveCapacity(limit)
      while let row = try rows.next() {
        candidates.append(try GrantCandidate(row, module, tag: scope.tag, &shared, database))
      }
      return candidates
    }
    self.shared = shared
    if let last = found.last { self.position = last.row }
    return found
  }
}

extension GrantScope {
  fileprivate var tag: String? {
    if case .selection(let selection) = self { selection.tag } else { nil }
  }
}

/// What candidates have in common, of those met so far: devices of a fleet share a few.
private struct SharedRecords {
  private var platforms: [Int64: Platform] = [:]
  private var batches: [Int64: String] = [:]
  private var digests = TermsDigests()

  mutating func platform(_ id: Int64, _ database: Database) throws -> Platform {
    if let platform = platforms[id] { return platform }
    let row = try Row.fetchOne(database, sql: "SELECT * FROM platforms WHERE id = ?", arguments: [id])
    guard let row else { throw VaultError.damaged(.platform) }
    let platform = try Platform(row)
    platforms[id] = platform
    return platform
  }

  mutating func batch(_ id: Int64, _ database: Database) throws -> String {
    if let batch = batches[id] { return batch }
    let row = try Row.fetchOne(database, sql: "SELECT name FROM batches WHERE id = ?", arguments: [id])
    guard let batch = try row?.text("name", in: .device) else { throw VaultError.damaged(.device) }
    batches[id] = batch
    return batch
  }

  mutating func terms(of series: Int64, _ database: Database) throws -> [UInt8]? {
    try digests.digest(of: series, database)
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
  /// A condition on devices, whose parameters follow the second, and the seal of the tag that it asks for.
  fileprivate func condition(
    for scope: GrantScope, after position: Int64, limit: Int
  ) throws -> (sql: String, tagSeal: String, arguments: StatementArguments) {
    switch scope {
    case .selection(let selection):
      let (sql, arguments) = try condition(for: selection)
      guard let tag = selection.tag else { return (sql, "NULL", arguments) }
      guard let id = try row(named: tag, in: "tags") else { throw VaultError.noSuchTag(tag) }
      // The number is the vault's own.
      return (sql, "(SELECT seal FROM device_tags WHERE tag = \(id) AND device = devices.id)", arguments)
    case .devices(let rows):
      // The numbers are the vault's own.
      let first = rows.partitioningIndex { $0 > position }
      let next = rows[first...].prefix(limit)
      return ("devices.id IN (\(next.map(String.init).joined(separator: ", ")))", "NULL", [])
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
  /// - Parameter tag: that devices were selected by.
  fileprivate init(
    _ row: Row, _ module: Name, tag: String?, _ shared: inout SharedRecords, _ database: Database
  ) throws {
    self.module = module
    self.row = try row.value(0, Int64.self, .device)
    deviceID = try row.bytes(1, 32, .device)
    guard let status = DeviceStatus(rawValue: try row.value(2, Int64.self, .device)) else {
      throw VaultError.damaged(.device)
    }
    self.status = status
    seal = try row.bytes(3, VaultKey.sealSize, .device)
    batch = try row.optionalValue(4, Int64.self, .device).map { try shared.batch($0, database) }
    identityRow = try row.value(5, Int64.self, .identity)
    grantKey = try row.bytes(6, 32, .identity)
    guard let keyEpoch = UInt64(exactly: try row.value(7, Int64.self, .identity)),
      let state = UInt16(exactly: try row.value(8, Int64.self, .identity)),
      let lifecycle = Lifecycle(rawValue: state),
      let generation = UInt64(exactly: try row.value(10, Int64.self, .identity))
    else { throw VaultError.damaged(.identity) }
    self.keyEpoch = keyEpoch
    self.generation = generation
    self.lifecycle = lifecycle
    platform = try shared.platform(row.value(9, Int64.self, .identity), database)
    if let found = try row.optionalValue(11, Int64.self, .grant) {
      guard let latest = UInt64(exactly: found) else { throw VaultError.damaged(.grant) }
      let series = try row.value(12, Int64.self, .grant)
      self.latest = Latest(
        sequence: latest, series: series, terms: try shared.terms(of: series, database),
        seal: try row.bytes(13, VaultKey.sealSize, .grant))
    } else {
      latest = nil
    }
    guard let sequence = number(after: latest?.sequence ?? 0) else { throw VaultError.lastSequence(module) }
    self.sequence = sequence
    self.tag = try tag.map { ($0, try row.bytes(14, VaultKey.sealSize, .device)) }
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

  fileprivate func bytes(_ index: Int, _ count: Int, _ part: VaultError.Part) throws -> [UInt8] {
    // Without a copy in between.
    let bytes = try? withUnsafeData(atIndex: index) { data in data.map { Array($0) } }
    guard let bytes, bytes.count == count else { throw VaultError.damaged(part) }
    return bytes
  }
}
