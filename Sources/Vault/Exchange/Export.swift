import CBOR
public import Cryptography
import GRDB
import HostSupport
import HuskFormat

/// Who vouches for an export, and to whom content keys go with it.
public final class ExportSigning {
  let signer: SigningKey
  let contentKeys: ContentKeys?

  /// Content keys that go with an export.
  public struct ContentKeys {
    let vaultKey: VaultKey
    let recipient: [UInt8]

    /// - Parameter recipient: X25519, 32 bytes.
    public init(openedBy vaultKey: VaultKey, to recipient: [UInt8]) {
      self.vaultKey = vaultKey
      self.recipient = recipient
    }
  }

  public init(by signer: consuming SigningKey, contentKeys: ContentKeys? = nil) {
    self.signer = signer
    self.contentKeys = contentKeys
  }
}

extension Vault {
  /// Writes what is public in the vault to a file (SPEC 14.7): devices with their identities, grants, events. Content
  /// keys only if asked for, encrypted to somebody, and with an event that tells so.
  ///
  /// - Parameter signing: without it another vault takes identities alone.
  public func export(to path: String, signing: ExportSigning?, on occasion: Occasion) throws(VaultError) {
    do {
      var output = try ExportWriter(path, signing)
      try output.write(.vault(id: id, at: occasion.now))
      if let signing, let contentKeys = signing.contentKeys {
        try writeContentKeys(contentKeys, signedWith: signing.signer, to: &output, on: occasion)
      }
      try writeDevices(to: &output)
      try writeGrants(to: &output)
      var next: UInt64 = 1
      while true {
        let page = try read { try $0.loggedEvents(from: next) }
        guard !page.isEmpty else { break }
        for event in page { try output.write(.event(record: event.record, hash: event.hash)) }
        next += UInt64(page.count)
      }
      try output.publish()
    } catch {
      throw VaultError(error)
    }
  }

  private func writeContentKeys(
    _ export: ExportSigning.ContentKeys, signedWith signer: borrowing SigningKey, to output: inout ExportWriter,
    on occasion: Occasion
  ) throws {
    let epochs = try modules().flatMap { module in module.epochs.map { (module.name, $0.number) } }
    // Told before anything goes out.
    try write(with: export.vaultKey) { database in
      _ = try database.append(
        .contentKeysExported,
        [
          Event.Detail("contentKeys", .number(UInt64(epochs.count))),
          Event.Detail("recipient", .bytes(export.recipient)),
        ], on: occasion)
    }
    for (module, epoch) in epochs {
      let key = try contentKey(of: module, epoch: epoch, with: export.vaultKey)
      try output.write(
        .contentKey(
          ExportedContentKey.make(
            key, module: module, epoch: epoch, to: export.recipient, signedWith: signer)))
    }
  }

  private func writeDevices(to output: inout ExportWriter) throws {
    var last: Int64 = 0
    while true {
      let page = try devices(DeviceSelection(), after: last, limit: 500)
      guard let end = page.last else { return }
      for device in page {
        let record = try read { database in
          let former = try database.formerIdentities(before: device.identity).prefix(ExportRecord.mostIdentities - 1)
          let identities = try (former.reversed().map(\.row) + [device.identity.row]).map {
            try database.identityFile($0)
          }
          return ExportRecord.Device(identities: identities, status: device.status, batch: device.batch, tags: [])
        }
        var tagged = record
        tagged.tags = try tags(of: device)
        try output.write(.device(tagged))
      }
      last = end.row
    }
  }

  private func writeGrants(to output: inout ExportWriter) throws {
    let series = try read { try Row.fetchAll($0, sql: "SELECT id, terms, chain FROM grant_series ORDER BY id") }
    for row in series {
      try output.write(
        .series(
          number: UInt64(clamping: row.rowID("id", in: .grant)), terms: row.bytes("terms", in: .grant),
          chain: row.bytes("chain", in: .grant)))
    }
    var last: (device: Int64, module: Int64, sequence: Int64) = (0, 0, 0)
    while true {
      let page = try read { database in
        try Row.fetchAll(
          database,
          sql: """
            SELECT grants.*, devices.device AS device_id, grant_key FROM grants
            JOIN devices ON devices.id = grants.device JOIN identities ON identities.id = grants.identity
            WHERE (grants.device, module, sequence) > (?, ?, ?) ORDER BY grants.device, module, sequence LIMIT 2000
            """,
          arguments: [last.device, last.module, last.sequence])
      }
      guard let end = page.last else { return }
      for row in page {
        try output.write(
          .grant(
            ExportRecord.Grant(
              deviceID: row.bytes("device_id", in: .device, count: 32),
              grantKey: row.bytes("grant_key", in: .identity, count: 32), series: row.number("series", in: .grant),
              sequence: row.number("sequence", in: .grant), record: row.optionalBytes("record", in: .grant))))
      }
      last = (
        try end.rowID("device", in: .grant), try end.rowID("module", in: .grant), try end.rowID("sequence", in: .grant)
      )
    }
  }
}

extension Database {
  fileprivate func loggedEvents(from first: UInt64) throws -> [(record: [UInt8], hash: [UInt8])] {
    try Row.fetchAll(
      self, sql: "SELECT record, hash FROM events WHERE number >= ? ORDER BY number LIMIT 1000",
      arguments: [Int64(clamping: first)]
    ).map { (try $0.bytes("record", in: .event), try $0.bytes("hash", in: .event, count: 32)) }
  }
}

/// Writes records, and the signature and digest of them all at the end.
private struct ExportWriter: ~Copyable {
  private let file: OutputFile
  private let signing: ExportSigning?
  /// Of what comes before the signature.
  private var signed: SHA256
  /// Of what comes before the end.
  private var digest: SHA256
  private var pending: [UInt8]

  private static let pieceSize = 1 << 18

  init(_ path: String, _ signing: ExportSigning?) throws {
    let file = try OutputFile(path, mode: 0o644)
    let signed = try SHA256()
    let digest = try SHA256()
    var encoder = CBOREncoder()
    FileLabel.export.encode(to: &encoder)
    pending = encoder.bytes
    self.file = file
    self.signing = signing
    self.signed = signed
    self.digest = digest
  }

  mutating func write(_ record: ExportRecord) throws {
    pending += record.encoded
    if pending.count >= Self.pieceSize { try flush() }
  }

  consuming func publish() throws {
    try flush()
    if let signing {
      let record = ExportRecord.signature(try ExportSignature.make(signed.finalize(), with: signing.signer)).encoded
      try digest.update(record.span.bytes)
      try file.write(record.span.bytes)
    }
    let record = ExportRecord.end(digest: try digest.finalize()).encoded
    try file.write(record.span.bytes)
    try file.publish()
  }

  private mutating func flush() throws {
    let piece = pending
    pending = []
    try signed.update(piece.span.bytes)
    try digest.update(piece.span.bytes)
    try file.write(piece.span.bytes)
  }
}
