import Cryptography
import FoundationEssentials
import GRDB

extension Vault {
  /// Gives the vault a new key, unlocked by a new secret: encrypts all content keys and seals all records anew, in one
  /// transaction (SPEC 14.2). The former key and secret are of no use any more, but for older copies of the file.
  ///
  /// - Returns: the new key.
  /// - Throws: `damagedContentKey` where one doesn't open with the former key.
  public func rotateKey(
    _ key: VaultKey, to secret: borrowing UnlockingSecret, on occasion: Occasion
  ) throws(VaultError) -> VaultKey {
    guard let generation = number(after: key.generation) else { throw .damaged(.meta) }
    let method: UnlockingMethod
    let next: VaultKey
    do throws(CryptographyError) {
      method = try UnlockingMethod(for: secret)
      next = try VaultKey.generate(vaultID: id, generation: generation)
    } catch {
      throw .cryptography(error)
    }
    let wrapped = try next.wrapped(with: secret, method)
    try write(with: key) { database in
      try database.execute(
        sql: "UPDATE meta SET unlocking = ?, vault_key = ?, key_generation = ?",
        arguments: [Data(method.encoded), Data(wrapped), Int64(clamping: generation)])
      try database.encryptContentKeys(from: key, to: next)
      try database.sealTrust(from: key, to: next)
      try database.sealDevices(from: key, to: next)
      try database.sealTags(from: key, to: next)
      try database.sealGrants(from: key, to: next)
      try database.append(.vaultKeyRotated, [Event.Detail("generation", .number(generation))], on: occasion)
    }
    // What the former key encrypted shall not lie on in the journal. Where another process reads, it goes a little later.
    try? database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
    return next
  }
}

extension Database {
  fileprivate func encryptContentKeys(from key: VaultKey, to next: VaultKey) throws {
    let rows = try Row.fetchAll(
      self, sql: "SELECT module, name, epoch, sealed FROM content_keys JOIN modules ON modules.id = module")
    for row in rows {
      let module = try row.name()
      let epoch = try row.number("epoch", in: .contentKey)
      let contentKey = try key.open(row.bytes("sealed", in: .contentKey), of: module, epoch: epoch)
      try execute(
        sql: "UPDATE content_keys SET sealed = ? WHERE module = ? AND epoch = ?",
        arguments: [
          Data(try next.seal(contentKey, of: module, epoch: epoch)), row.rowID("module", in: .contentKey),
          Int64(clamping: epoch),
        ])
    }
  }

  // A record whose seal is wrong keeps it, and so stays one that nothing is done on the strength of.

  fileprivate func sealTrust(from key: VaultKey, to next: VaultKey) throws {
    for entry in try sealedTrust() where try key.isSealed(entry.trust.sealedContent, by: entry.seal) {
      try execute(
        sql: "UPDATE trust SET seal = ? WHERE kind = ? AND value = ?",
        arguments: [
          Data(try next.seal(entry.trust.sealedContent)), entry.trust.kind.rawValue, Data(entry.trust.value),
        ])
    }
  }

  fileprivate func sealDevices(from key: VaultKey, to next: VaultKey) throws {
    let (old, new) = (try key.makeSealer(), try next.makeSealer())
    var last: Int64 = 0
    let select = try makeStatement(
      sql: "\(DeviceRecord.query) WHERE devices.id > ? ORDER BY devices.id LIMIT 1000")
    let update = try makeStatement(sql: "UPDATE devices SET seal = ? WHERE id = ?")
    while true {
      let devices = try Row.fetchAll(select, arguments: [last]).map { try DeviceRecord($0) }
      guard let end = devices.last else { return }
      for device in devices {
        let content = device.sealedContent(as: device.status)
        guard try old.isSealed(content, by: device.seal) else { continue }
        try update.execute(arguments: [Data(try new.seal(content)), device.row])
      }
      last = end.row
    }
  }

  fileprivate func sealTags(from key: VaultKey, to next: VaultKey) throws {
    let (old, new) = (try key.makeSealer(), try next.makeSealer())
    let update = try makeStatement(sql: "UPDATE device_tags SET seal = ? WHERE tag = ? AND device = ?")
    var last: (tag: Int64, device: Int64) = (0, 0)
    while true {
      let tags = try sealedTags(after: last, limit: 1000)
      guard let end = tags.last else { return }
      for tag in tags where try old.isSealed(tag.content, by: tag.seal) {
        try update.execute(arguments: [Data(try new.seal(tag.content)), tag.tag, tag.device])
      }
      last = (end.tag, end.device)
    }
  }

  fileprivate func sealGrants(from key: VaultKey, to next: VaultKey) throws {
    let (old, new) = (try key.makeSealer(), try next.makeSealer())
    let update = try makeStatement(sql: "UPDATE grants SET seal = ? WHERE device = ? AND module = ? AND sequence = ?")
    var digests = TermsDigests()
    var last: Int64 = 0
    while true {
      // All grants of a device at once: nobody has many.
      let grants = try sealedGrants(afterDevice: last, devices: 1000, &digests)
      guard let end = grants.last else { return }
      for grant in grants where try old.isSealed(grant.content, by: grant.seal) {
        try update.execute(arguments: [
          Data(try new.seal(grant.content)), grant.device, grant.module, Int64(clamping: grant.sequence),
        ])
      }
      last = end.device
    }
  }
}
