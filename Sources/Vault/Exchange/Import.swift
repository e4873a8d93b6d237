import CBOR
import COSE
public import Cryptography
import FoundationEssentials
import GRDB
import HostSupport
import HuskFormat
import SecretBytes

/// Who must have vouched for an import, and what opens the content keys in it.
public final class ImportAuthority {
  let signer: PublicKey
  let recipient: ContentKeyRecipient?

  /// - Parameter recipient: without one content keys are left out.
  public init(signer: PublicKey, recipient: ContentKeyRecipient? = nil) {
    self.signer = signer
    self.recipient = recipient
  }
}

/// What opens content keys of an import.
public final class ContentKeyRecipient {
  let key: X25519PrivateKey

  public init(_ key: consuming X25519PrivateKey) {
    self.key = key
  }
}

/// What came of an import, by kind.
public struct ImportSummary: Equatable, Sendable {
  /// Devices that the vault didn't know; that bring something new; that it knew; whose identity was refused.
  public internal(set) var added: UInt64 = 0
  public internal(set) var updated: UInt64 = 0
  public internal(set) var known: UInt64 = 0
  public internal(set) var refused: UInt64 = 0
  /// Whether a signer was told, and vouches for the file: else devices and their identities alone were taken.
  public internal(set) var isSigned = false
  /// That nobody vouches for.
  public internal(set) var batchesLeftOut: UInt64 = 0
  public internal(set) var tagsLeftOut: UInt64 = 0
  /// Other than active.
  public internal(set) var statusesLeftOut: UInt64 = 0
  public internal(set) var grants: UInt64 = 0
  /// That nobody vouches for; of devices or epochs that the vault doesn't have; or with numbers too far on.
  public internal(set) var grantsLeftOut: UInt64 = 0
  public internal(set) var contentKeys: UInt64 = 0
  /// That nobody vouches for, don't open, or differ from what the vault has.
  public internal(set) var contentKeysLeftOut: UInt64 = 0
}

extension Vault {
  /// Takes in what another vault exported (SPEC 14.7). What is there already stays; doing it again changes nothing.
  ///
  /// Every identity is verified as if its device came by itself; all else is taken only if somebody vouches for it. The
  /// file is read twice: it must be whole.
  ///
  /// - Parameters:
  ///   - verifier: of identities.
  ///   - authority: nil takes identities alone.
  ///   - refused: is told of each device that isn't taken in.
  /// - Throws: `notAnExport` where the file isn't one, or isn't whole; `exportNotSigned`: nothing was changed then.
  public func importExport(
    _ path: String, verifier: IdentityVerifier, authority: ImportAuthority?, with key: VaultKey,
    on occasion: Occasion, refused: (IdentityRefusal) -> Void
  ) throws(VaultError) -> ImportSummary {
    do {
      let checked = try ExportReader.check(path, signedBy: authority?.signer)
      var intake = Intake(
        vault: self, key: key, verifier: verifier, authority: authority, occasion: occasion, digest: checked.digest)
      var reader = try ExportReader(path)
      while let record = try reader.next(of: checked) {
        switch record {
        case .vault(let id, _): intake.source = id
        case .device(let device): try intake.take(device, refused)
        case .series(let number, let terms, let chain): try intake.take(series: number, terms, chain)
        case .grant(let grant): try intake.take(grant)
        case .contentKey(let object):
          if let authority {
            try intake.take(contentKey: object, authority)
          } else {
            intake.summary.contentKeysLeftOut += 1
          }
        // Another vault's log is its own.
        case .event, .signature, .end: break
        }
      }
      try intake.finish()
      return intake.summary
    } catch {
      throw VaultError(error)
    }
  }
}

/// Puts records into a vault.
private struct Intake {
  let vault: Vault
  let key: VaultKey
  let verifier: IdentityVerifier
  /// Who vouches for the file; nil if nobody does.
  let authority: ImportAuthority?
  let occasion: Occasion
  /// Of the file.
  let digest: [UInt8]
  var source: [UInt8] = []
  var summary = ImportSummary()
  /// Rows of series by their numbers in the file; nil for those whose epoch the vault doesn't have.
  private var series: [UInt64: GrantSeries] = [:]
  private var grants: [ExportRecord.Grant] = []

  init(
    vault: Vault, key: VaultKey, verifier: IdentityVerifier, authority: ImportAuthority?, occasion: Occasion,
    digest: [UInt8]
  ) {
    self.vault = vault
    self.key = key
    self.verifier = verifier
    self.authority = authority
    self.occasion = occasion
    self.digest = digest
    summary.isSigned = authority != nil
  }

  mutating func take(contentKey object: [UInt8], _ authority: ImportAuthority) throws {
    guard let exported = ExportedContentKey(object, signedBy: authority.signer),
      let contentKey = authority.recipient.flatMap({ exported.open(with: $0.key) })
    else {
      summary.contentKeysLeftOut += 1
      return
    }
    do throws(VaultError) {
      let own = try vault.contentKey(of: exported.module, epoch: exported.epoch, with: key)
      // Two keys for one epoch: this vault's packages need its own.
      if !own.isEqual(to: contentKey) { summary.contentKeysLeftOut += 1 }
      return
    } catch {
      switch error {
      case .unknownModule, .unknownEpoch: break
      default: throw error
      }
    }
    let sealed = try key.seal(contentKey, of: exported.module, epoch: exported.epoch)
    try vault.write(with: key) { database in
      let module = try database.insert(module: exported.module)
      try database.insert(sealed, module: module, epoch: exported.epoch, now: occasion.now)
      try database.append(
        .imported,
        [
          Event.Detail("contentKey", .text(exported.module.text)), Event.Detail("epoch", .number(exported.epoch)),
          Event.Detail("vault", .bytes(source)),
        ], on: occasion)
    }
    summary.contentKeys += 1
  }

  mutating func take(_ device: ExportRecord.Device, _ refused: (IdentityRefusal) -> Void) throws {
    var verified: [VerifiedIdentity] = []
    for (index, file) in device.identities.enumerated() {
      do throws(IdentityRefusal) {
        verified.append(try verifier.verify(file))
      } catch {
        // A former identity may be of software that isn't trusted any more, or was never here.
        guard index == device.identities.count - 1 else { continue }
        summary.refused += 1
        refused(error)
        return
      }
    }
    var terms = AdditionTerms()
    if authority != nil {
      terms.batch = device.batch
      terms.tags = device.tags
    }
    terms.source = "vault \(hexadecimal(source))"
    let outcomes = try vault.add(verified, terms, with: key, on: occasion)
    if case .refused(let refusal) = outcomes.last {
      summary.refused += 1
      refused(refusal)
      return
    }
    if outcomes.contains(.added) {
      summary.added += 1
    } else if outcomes.allSatisfy({ $0 == .known }) {
      summary.known += 1
    } else {
      summary.updated += 1
    }
    guard authority != nil else {
      summary.batchesLeftOut += device.batch == nil ? 0 : 1
      summary.tagsLeftOut += UInt64(device.tags.count)
      summary.statusesLeftOut += device.status == .active ? 0 : 1
      return
    }
    try takeStatus(device.status, of: verified)
  }

  /// A device whose status was never changed here takes the exported one.
  private func takeStatus(_ status: DeviceStatus, of verified: [VerifiedIdentity]) throws {
    guard status != .active, let id = verified.last?.identity.value.deviceID else { return }
    let device = try vault.device(hexadecimal(id))
    guard device.status == .active, try vault.statusChanges(of: device).isEmpty else { return }
    _ = try vault.setStatus(
      status, of: [device], selectedBy: nil, why: "imported from vault \(hexadecimal(source))", with: key, on: occasion)
  }

  mutating func take(series number: UInt64, _ terms: [UInt8], _ chain: [UInt8]) throws {
    do throws(FormatError) {
      series[number] = try GrantSeries(terms: CommonGrantTerms(encoded: terms), chain: chain)
    } catch {
      throw VaultError.notAnExport
    }
  }

  mutating func take(_ grant: ExportRecord.Grant) throws {
    guard authority != nil else {
      summary.grantsLeftOut += 1
      return
    }
    grants.append(grant)
    if grants.count >= 2000 { try flush() }
  }

  mutating func finish() throws {
    try flush()
  }

  private mutating func flush() throws {
    guard !grants.isEmpty else { return }
    let (grants, series, digest, occasion) = (grants, series, digest, occasion)
    let (source, key) = (source, key)
    let (taken, leftOut) = try vault.write(with: key) { database in
      var merge = try GrantMerge(database, digest: digest, sealer: key.makeSealer(), occasion)
      for grant in grants { try merge.take(grant, of: series[grant.series]) }
      try merge.finish(source)
      return (merge.taken, merge.leftOut)
    }
    summary.grants += taken
    summary.grantsLeftOut += leftOut
    self.grants = []
  }
}

/// Puts records of grants into a vault, within one transaction: sequence numbers that another vault used must not be
/// used again. Who signed the file vouches for these alone: a new issue doesn't go by another vault's terms.
private struct GrantMerge {
  private let database: Database
  private let digest: [UInt8]
  private let occasion: Occasion
  private let sealer: RecordSealer
  private var rows: [(series: GrantSeries, row: Int64)] = []
  private(set) var taken: UInt64 = 0
  private(set) var leftOut: UInt64 = 0

  init(_ database: Database, digest: [UInt8], sealer: RecordSealer, _ occasion: Occasion) {
    self.sealer = sealer
    self.database = database
    self.digest = digest
    self.occasion = occasion
  }

  mutating func take(_ grant: ExportRecord.Grant, of series: GrantSeries?) throws {
    let identity = try Row.fetchOne(
      database.cachedStatement(
        sql: """
          SELECT identities.id, identities.device FROM identities JOIN devices ON devices.id = identities.device
          WHERE devices.device = ? AND grant_key = ? ORDER BY identities.id DESC LIMIT 1
          """),
      arguments: [Data(grant.deviceID), Data(grant.grantKey)])
    guard let series, let identity, try database.hasEpoch(series.terms.epoch, of: series.terms.module) else {
      leftOut += 1
      return
    }
    let module = try database.moduleID(series.terms.module)
    guard try isNear(grant.sequence, device: identity.rowID("device", in: .identity), module: module) else {
      leftOut += 1
      return
    }
    let row = try row(of: series, module: module)
    let seal = try sealer.seal(
      SealedRecord.grant(
        to: grant.deviceID, module: series.terms.module, sequence: grant.sequence, terms: nil))
    try database.cachedStatement(
      sql: """
        INSERT OR IGNORE INTO grants (device, module, sequence, series, identity, seal, record)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      try identity.rowID("device", in: .identity), module, Int64(clamping: grant.sequence), row,
      try identity.rowID("id", in: .identity), Data(seal), grant.record.map { Data($0) },
    ])
    guard database.changesCount > 0 else { return }
    taken += 1
    try database.execute(sql: "UPDATE grant_series SET count = count + 1 WHERE id = ?", arguments: [row])
  }

  /// Whether a number leaves enough for the vault's own grants.
  private func isNear(_ sequence: UInt64, device: Int64, module: Int64) throws -> Bool {
    let known = try Row.fetchOne(
      database.cachedStatement(
        sql: "SELECT coalesce(max(sequence), 0) AS known FROM grants WHERE device = ? AND module = ?"),
      arguments: [device, module])
    guard let known = try known?.number("known", in: .grant) else { return false }
    return sequence >= 1 && sequence <= known + Limits.statusJump
  }

  func finish(_ source: [UInt8]) throws {
    guard taken > 0 else { return }
    try database.append(
      .imported,
      [
        Event.Detail("grants", .number(taken)), Event.Detail("vault", .bytes(source)),
        Event.Detail("digest", .bytes(digest)),
      ], on: occasion)
  }

  /// The row of a series, which is found, or made in a job that stands for the file.
  private mutating func row(of series: GrantSeries, module: Int64) throws -> Int64 {
    if let known = rows.first(where: { $0.series == series }) { return known.row }
    let (terms, chain) = (Data(series.terms.encoded()), Data(series.chain))
    var row = try Int64.fetchOne(
      database, sql: "SELECT id FROM grant_series WHERE module = ? AND terms = ? AND chain = ? AND is_foreign",
      arguments: [module, terms, chain])
    if row == nil {
      try database.execute(
        sql: """
          INSERT INTO grant_series (job, module, epoch, terms, chain, count, is_foreign) VALUES (?, ?, ?, ?, ?, 0, 1)
          """,
        arguments: [try job(), module, Int64(clamping: series.terms.epoch), terms, chain])
      row = database.lastInsertedRowID
    }
    guard let row else { throw VaultError.damaged(.grant) }
    rows.append((series, row))
    return row
  }

  private func job() throws -> Int64 {
    if let job = try Int64.fetchOne(database, sql: "SELECT id FROM jobs WHERE digest = ?", arguments: [Data(digest)]) {
      return job
    }
    let now = Int64(clamping: occasion.now)
    try database.execute(
      sql: "INSERT INTO jobs (digest, position, started_at, finished_at) VALUES (?, 0, ?, ?)",
      arguments: [Data(digest), now, now])
    return database.lastInsertedRowID
  }
}

extension Database {
  fileprivate func hasEpoch(_ epoch: UInt64, of module: Name) throws -> Bool {
    try Row.fetchOne(
      cachedStatement(
        sql: "SELECT 1 FROM content_keys JOIN modules ON modules.id = module WHERE name = ? AND epoch = ?"),
      arguments: [module.text, Int64(clamping: epoch)]) != nil
  }
}
