import CBOR
import COSE
public import Cryptography
import FoundationEssentials
import GRDB
import HostSupport
import HuskFormat
import SecretBytes

/// Who may open content keys of an import, and who must have vouched for them.
public final class ContentKeyImport {
  let recipient: X25519PrivateKey
  let signer: PublicKey

  public init(recipient: consuming X25519PrivateKey, signer: PublicKey) {
    self.recipient = recipient
    self.signer = signer
  }
}

/// What came of an import, by kind.
public struct ImportSummary: Equatable, Sendable {
  /// Devices that the vault didn't know; that bring something new; that it knew; whose identity was refused.
  public internal(set) var added: UInt64 = 0
  public internal(set) var updated: UInt64 = 0
  public internal(set) var known: UInt64 = 0
  public internal(set) var refused: UInt64 = 0
  public internal(set) var grants: UInt64 = 0
  /// Of devices or epochs that the vault doesn't have.
  public internal(set) var grantsLeftOut: UInt64 = 0
  public internal(set) var contentKeys: UInt64 = 0
  /// That don't open, aren't by the signer, or differ from what the vault has.
  public internal(set) var contentKeysLeftOut: UInt64 = 0
}

extension Vault {
  /// Takes in what another vault exported (SPEC 14.7). What is there already stays; doing it again changes nothing.
  ///
  /// Every identity is verified as if its device came by itself. The file is read twice: it must be whole.
  ///
  /// - Parameters:
  ///   - verifier: of identities.
  ///   - refused: is told of each device that isn't taken in.
  /// - Throws: `notAnExport` where the file isn't one, or isn't whole; nothing was changed then.
  public func importExport(
    _ path: String, verifier: IdentityVerifier, contentKeys: ContentKeyImport?, with key: VaultKey,
    on occasion: Occasion, refused: (IdentityRefusal) -> Void
  ) throws(VaultError) -> ImportSummary {
    do {
      let digest = try ExportReader.check(path)
      var intake = Intake(vault: self, key: key, verifier: verifier, occasion: occasion, digest: digest)
      var reader = try ExportReader(path)
      while let record = try reader.next() {
        switch record {
        case .vault(let id, _): intake.source = id
        case .device(let device): try intake.take(device, refused)
        case .series(let number, let terms, let chain): try intake.take(series: number, terms, chain)
        case .grant(let grant): try intake.take(grant)
        case .contentKey(let object):
          if let contentKeys {
            try intake.take(contentKey: object, contentKeys)
          } else {
            intake.summary.contentKeysLeftOut += 1
          }
        // Another vault's log is its own.
        case .event, .end: break
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
  let occasion: Occasion
  /// Of the file.
  let digest: [UInt8]
  var source: [UInt8] = []
  var summary = ImportSummary()
  /// Rows of series by their numbers in the file; nil for those whose epoch the vault doesn't have.
  private var series: [UInt64: GrantSeries] = [:]
  private var grants: [ExportRecord.Grant] = []

  init(vault: Vault, key: VaultKey, verifier: IdentityVerifier, occasion: Occasion, digest: [UInt8]) {
    self.vault = vault
    self.key = key
    self.verifier = verifier
    self.occasion = occasion
    self.digest = digest
  }

  mutating func take(contentKey object: [UInt8], _ keys: ContentKeyImport) throws {
    guard let exported = ExportedContentKey(object, signedBy: keys.signer),
      let contentKey = exported.open(with: keys.recipient)
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
    terms.batch = device.batch
    terms.tags = device.tags
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
/// used again. Nobody signed the file: that a device had a module, and on which terms, isn't believed.
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

/// Reads an export record by record.
private struct ExportReader: ~Copyable {
  private var buffer: SequenceBuffer

  init(_ path: String) throws {
    var buffer = try SequenceBuffer(path, longestItem: ExportRecord.longest)
    guard buffer.size != nil else { throw FileError(path, .notRegularFile) }
    try buffer.fill()
    guard FileLabel.detect(buffer.bytes) == .export else { throw VaultError.notAnExport }
    buffer.position = FileLabel.sequenceLabelSize
    self.buffer = buffer
  }

  /// Nil at the end.
  mutating func next() throws -> ExportRecord? {
    try item().map { item in
      guard let record = ExportRecord(item) else { throw VaultError.notAnExport }
      return record
    }
  }

  /// Checks that a file is whole: every record is one, and the last one has the digest of all others. Returns it.
  static func check(_ path: String) throws -> [UInt8] {
    var reader = try ExportReader(path)
    var digest = try SHA256()
    let label = Array(reader.buffer.bytes[..<FileLabel.sequenceLabelSize])
    try digest.update(label.span.bytes)
    while let item = try reader.item() {
      guard let record = ExportRecord(item) else { throw VaultError.notAnExport }
      if case .end(let expected) = record {
        let found = try digest.finalize()
        guard try reader.item() == nil, found == expected else { throw VaultError.notAnExport }
        return found
      }
      try digest.update(item.span.bytes)
    }
    throw VaultError.notAnExport
  }

  private mutating func item() throws -> [UInt8]? {
    try buffer.fill()
    guard buffer.position < buffer.bytes.count else { return nil }
    do throws(CBORError) {
      return try buffer.takeItem()
    } catch {
      throw VaultError.notAnExport
    }
  }
}
