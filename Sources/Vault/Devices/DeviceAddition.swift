import Cryptography
import FoundationEssentials
import GRDB
import HuskFormat

/// What became of an identity that was presented to the vault.
public enum AdditionOutcome: Equatable, Sendable {
  /// A device that the vault didn't know.
  case added
  /// A known device that has other software now, or says other things of itself.
  case updated
  /// A known device with another grant key: nothing more is granted to the former one.
  case rekeyed
  /// Nothing new.
  case known
  case refused(IdentityRefusal)
}

/// What is said of devices that are added.
public struct AdditionTerms: Equatable, Sendable {
  /// For devices that the vault didn't know.
  public var batch: String?
  /// For all.
  public var tags: [String] = []
  /// Where they came from, for the log.
  public var source: String?

  public init() {}
}

extension Vault {
  /// Takes verified identities in, in one transaction (SPEC 14.4): all that can be, with the reasons for the others.
  ///
  /// What is trusted is looked up once more: it may have changed since the identities were verified.
  ///
  /// - Parameter stopsAtRefusal: whether nothing that follows a refused one is taken in.
  /// - Returns: what became of each, up to the one that was stopped at.
  /// - Throws: `foreignRecord` where a known device's record wasn't made with the vault key.
  public func add(
    _ identities: [VerifiedIdentity], _ terms: AdditionTerms, stopsAtRefusal: Bool = false, with key: VaultKey,
    on occasion: Occasion
  ) throws(VaultError) -> [AdditionOutcome] {
    try write(with: key) { database in
      var addition = try DeviceAddition(database, terms, with: key, occasion)
      var outcomes: [AdditionOutcome] = []
      for identity in identities {
        outcomes.append(try addition.add(identity))
        if stopsAtRefusal, case .refused = outcomes.last { break }
      }
      try addition.finish()
      return outcomes
    }
  }

  /// Takes verified identities in: all, or none where one is refused, which it throws as an ``IdentityRefusal``.
  public func addAll(
    _ identities: [VerifiedIdentity], _ terms: AdditionTerms, with key: VaultKey, on occasion: Occasion
  ) throws -> [AdditionOutcome] {
    do {
      return try transaction { database in
        try database.require(key)
        var addition = try DeviceAddition(database, terms, with: key, occasion)
        var outcomes: [AdditionOutcome] = []
        for identity in identities {
          let outcome = try addition.add(identity)
          if case .refused(let refusal) = outcome { throw refusal }
          outcomes.append(outcome)
        }
        try addition.finish()
        return outcomes
      }
    } catch let error as IdentityRefusal {
      throw error
    } catch {
      throw VaultError(error)
    }
  }

  /// The identity file of a device's current identity.
  public func identityFile(of device: DeviceRecord) throws(VaultError) -> [UInt8] {
    try read { try $0.identityFile(device.identity.row) }
  }

  /// The identities that a device had before, the latest first.
  public func formerIdentities(of device: DeviceRecord) throws(VaultError) -> [StoredIdentity] {
    try read { try $0.formerIdentities(before: device.identity) }
  }
}

extension Database {
  func formerIdentities(before identity: StoredIdentity) throws -> [StoredIdentity] {
    var found: [StoredIdentity] = []
    var next = identity.previous
    while let id = next {
      let row = try Row.fetchOne(
        self,
        sql: """
          SELECT identities.id AS id, grant_key, key_epoch, generation, lifecycle, platform, added_at, previous, platforms.*
          FROM identities JOIN platforms ON platforms.id = platform WHERE identities.id = ?
          """,
        arguments: [id])
      guard let row else { throw VaultError.damaged(.identity) }
      let former = try StoredIdentity(row, id: "id", addedAt: "added_at")
      // Each one is older than what superseded it: a list that Husk wrote ends.
      guard former.row < found.last?.row ?? identity.row else { throw VaultError.damaged(.identity) }
      found.append(former)
      next = former.previous
    }
    return found
  }
}

/// Takes identities in, within one transaction.
private struct DeviceAddition {
  private let database: Database
  private let terms: AdditionTerms
  private let trust: TrustSet
  private let occasion: Occasion
  private let batch: Int64?
  private let tags: [(name: String, row: Int64)]
  private let key: VaultKey
  private let sealer: RecordSealer
  private var storage = IdentityStorage()
  private var platforms: [Platform: Int64] = [:]
  /// Nobody else writes meanwhile.
  private var nextIdentity: Int64
  private var counts: [String: UInt64] = [:]
  /// The ids of what was changed, one behind the other.
  private var changed: [UInt8] = []

  init(_ database: Database, _ terms: AdditionTerms, with key: VaultKey, _ occasion: Occasion) throws {
    self.database = database
    self.terms = terms
    self.key = key
    self.occasion = occasion
    sealer = try key.makeSealer()
    trust = try TrustSet(database.sealedTrust(), with: key)
    batch = try terms.batch.map { try database.ensureRow(named: $0, in: "batches") }
    tags = try terms.tags.map { ($0, try database.ensureRow(named: $0, in: "tags")) }
    nextIdentity = try 1 + (Int64.fetchOne(database, sql: "SELECT max(id) FROM identities") ?? 0)
  }

  mutating func add(_ incoming: VerifiedIdentity) throws -> AdditionOutcome {
    if let (kind, value) = trust.missing(for: incoming.platform) { return .refused(.untrusted(kind, value)) }
    let deviceID = incoming.identity.value.deviceID
    guard let known = try find(deviceID) else {
      let row = try insert(incoming)
      try tag(row, deviceID)
      count("added", deviceID)
      return .added
    }
    // What is there is sealed again: it must not be what somebody else put there.
    try known.check(with: key)
    let outcome = try supersede(known, with: incoming)
    if case .refused = outcome { return outcome }
    try tag(known.row, deviceID)
    return outcome
  }

  /// One event for all.
  func finish() throws {
    guard !changed.isEmpty else { return }
    var details = counts.map { Event.Detail($0.key, .number($0.value)) }
    details.append(Event.Detail("digest", .bytes(try SHA256.hash(changed.span.bytes))))
    if let batch = terms.batch { details.append(Event.Detail("batch", .text(batch))) }
    if let source = terms.source { details.append(Event.Detail("source", .text(source))) }
    try database.append(.devicesAdded, details, on: occasion)
  }

  private func find(_ deviceID: [UInt8]) throws -> DeviceRecord? {
    let statement = try database.cachedStatement(sql: "\(DeviceRecord.query) WHERE devices.device = ?")
    return try Row.fetchOne(statement, arguments: [Data(deviceID)]).map { try DeviceRecord($0) }
  }

  private mutating func insert(_ incoming: VerifiedIdentity) throws -> Int64 {
    let statement = try database.cachedStatement(
      sql: "INSERT INTO devices (device, status, batch, added_at, identity, seal) VALUES (?, ?, ?, ?, ?, ?)")
    try statement.execute(arguments: [
      Data(incoming.identity.value.deviceID), DeviceStatus.active.rawValue, batch, Int64(clamping: occasion.now),
      nextIdentity, Data(try seal(incoming, as: .active, batch: terms.batch)),
    ])
    let row = database.lastInsertedRowID
    try insertIdentity(incoming, device: row, previous: nil)
    return row
  }

  private mutating func supersede(_ known: DeviceRecord, with incoming: VerifiedIdentity) throws -> AdditionOutcome {
    let identity = incoming.identity.value
    guard identity.keyEpoch >= known.identity.keyEpoch else {
      return .refused(.rollback(known: known.identity.keyEpoch, found: identity.keyEpoch))
    }
    // Within a key epoch, a device that lost its storage has a higher generation (SPEC 6).
    guard identity.keyEpoch > known.identity.keyEpoch || identity.generation >= known.identity.generation else {
      return .refused(.staleGeneration(known: known.identity.generation, found: identity.generation))
    }
    if try database.identityFile(known.identity.row) == incoming.file { return .known }
    // A file of identities may hold a device's former ones, and be read again: they don't come back by that. Only where
    // nothing can be granted to the current one any more, a device that returned to former software is meant.
    if trust.missing(for: known.identity.platform) == nil {
      for former in try database.formerIdentities(before: known.identity)
      where try database.identityFile(former.row) == incoming.file { return .known }
    }
    let statement = try database.cachedStatement(sql: "UPDATE devices SET identity = ?, seal = ? WHERE id = ?")
    try statement.execute(arguments: [
      nextIdentity, Data(try seal(incoming, as: known.status, batch: known.batch)), known.row,
    ])
    try insertIdentity(incoming, device: known.row, previous: known.identity.row)
    let isRekeyed = identity.grantKey != known.identity.grantKey
    count(isRekeyed ? "rekeyed" : "updated", identity.deviceID)
    return isRekeyed ? .rekeyed : .updated
  }

  private mutating func insertIdentity(_ incoming: VerifiedIdentity, device: Int64, previous: Int64?) throws {
    let platform = try platformRow(incoming.platform)
    let stored = try storage.store(incoming.file, platform: platform, in: database)
    let statement = try database.cachedStatement(
      sql: """
        INSERT INTO identities
          (id, device, platform, grant_key, key_epoch, generation, lifecycle, template, file, added_at, previous)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    let identity = incoming.identity.value
    try statement.execute(arguments: [
      nextIdentity, device, platform, Data(identity.grantKey), Int64(clamping: identity.keyEpoch),
      Int64(clamping: identity.generation),
      Int64(identity.lifecycle.rawValue), stored.template, Data(stored.file), Int64(clamping: occasion.now), previous,
    ])
    nextIdentity += 1
  }

  private mutating func platformRow(_ platform: Platform) throws -> Int64 {
    if let row = platforms[platform] { return row }
    let values = [
      platform.deviceRoot, platform.loaderRoot, platform.loader, platform.decryptorRoot, platform.decryptor,
    ].map { Data($0) }
    try database.execute(
      sql: """
        INSERT OR IGNORE INTO platforms (device_root, loader_root, loader, decryptor_root, decryptor)
        VALUES (?, ?, ?, ?, ?)
        """,
      arguments: StatementArguments(values))
    let row = try Row.fetchOne(
      database,
      sql: """
        SELECT id FROM platforms
        WHERE device_root = ? AND loader_root = ? AND loader = ? AND decryptor_root = ? AND decryptor = ?
        """,
      arguments: StatementArguments(values))
    guard let id = try row?.rowID("id", in: .platform) else { throw VaultError.damaged(.platform) }
    platforms[platform] = id
    return id
  }

  private func seal(
    _ incoming: VerifiedIdentity, as status: DeviceStatus, batch: String?
  ) throws -> [UInt8] {
    let identity = incoming.identity.value
    return try sealer.seal(
      SealedRecord.device(
        identity.deviceID, status: status, batch: batch, grantKey: identity.grantKey, keyEpoch: identity.keyEpoch,
        generation: identity.generation, lifecycle: identity.lifecycle, platform: incoming.platform))
  }

  private func tag(_ device: Int64, _ deviceID: [UInt8]) throws {
    for (name, row) in tags {
      let seal = try sealer.seal(SealedRecord.tag(name, of: deviceID))
      _ = try database.insertTag(row, of: device, seal: seal)
    }
  }

  private mutating func count(_ outcome: String, _ deviceID: [UInt8]) {
    counts[outcome, default: 0] += 1
    changed += deviceID
  }
}
