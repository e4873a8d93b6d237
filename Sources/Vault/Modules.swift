import Cryptography
import FoundationEssentials
import GRDB
public import HuskFormat
public import SecretBytes

/// What the vault knows of a module.
public struct ModuleRecord: Equatable, Sendable {
  public let name: Name
  public let epochs: [Epoch]

  public struct Epoch: Equatable, Sendable {
    public let number: UInt64
    /// Seconds since 1970.
    public let createdAt: UInt64
    /// How many grants were issued.
    public let grantCount: UInt64
    /// How many packages were made.
    public let packageCount: UInt64
  }
}

/// A package that was made.
public struct PackageRecord: Equatable, Sendable {
  public let module: Name
  public let version: Version
  public let securityVersion: UInt64
  public let epoch: UInt64
  /// SHA-256 of the file.
  public let digest: [UInt8]

  public init(module: Name, version: Version, securityVersion: UInt64, epoch: UInt64, digest: [UInt8]) {
    self.module = module
    self.version = version
    self.securityVersion = securityVersion
    self.epoch = epoch
    self.digest = digest
  }
}

extension Vault {
  /// The latest epoch of a module; nil if the vault doesn't know it.
  public func latestEpoch(of module: Name) throws(VaultError) -> UInt64? {
    try read { try $0.latestEpoch(of: module) }
  }

  /// Begins a module: epoch 1 with a new content key, unless it has an epoch already. Returns the latest.
  public func ensureModule(
    _ module: Name, with key: VaultKey, on occasion: Occasion
  ) throws(VaultError) -> UInt64 {
    let sealed = try sealNewKey(module, epoch: 1, with: key)
    return try write(with: key) { database in
      if let epoch = try database.latestEpoch(of: module) { return epoch }
      let id = try database.insert(module: module)
      try database.insert(sealed, module: id, epoch: 1, now: occasion.now)
      try database.append(.moduleBegun, [Event.Detail("module", .text(module.text))], on: occasion)
      return 1
    }
  }

  /// Begins a module's next epoch with a new content key: packages of it take new grants. Returns the epoch.
  public func rotate(
    _ module: Name, with key: VaultKey, on occasion: Occasion
  ) throws(VaultError) -> UInt64 {
    while true {
      guard let latest = try latestEpoch(of: module) else { throw .unknownModule(module) }
      guard let next = number(after: latest) else { throw .lastEpoch(module) }
      let sealed = try sealNewKey(module, epoch: next, with: key)
      let isDone = try write(with: key) { database in
        // Another process may have rotated meanwhile.
        guard try database.latestEpoch(of: module) == latest else { return false }
        try database.insert(sealed, module: database.moduleID(module), epoch: next, now: occasion.now)
        try database.append(
          .epochBegun, [Event.Detail("module", .text(module.text)), Event.Detail("epoch", .number(next))],
          on: occasion)
        return true
      }
      if isDone { return next }
    }
  }

  /// The content key of an epoch, 32 bytes.
  public func contentKey(
    of module: Name, epoch: UInt64, with key: VaultKey
  ) throws(VaultError) -> SecretBytes {
    let sealed = try read { database in try database.sealedKey(of: module, epoch: epoch) }
    return try key.open(sealed, of: module, epoch: epoch)
  }

  /// Records that a package was made.
  public func record(_ package: PackageRecord, on occasion: Occasion) throws(VaultError) {
    try write { database in
      let module = try database.moduleID(package.module)
      try database.execute(
        sql: """
          INSERT INTO packages (module, version, security_version, epoch, digest, packed_at) VALUES (?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          module, package.version.text, Int64(clamping: package.securityVersion), Int64(clamping: package.epoch),
          Data(package.digest), Int64(clamping: occasion.now),
        ])
      try database.append(
        .packed,
        [
          Event.Detail("module", .text(package.module.text)), Event.Detail("version", .text(package.version.text)),
          Event.Detail("epoch", .number(package.epoch)), Event.Detail("digest", .bytes(package.digest)),
        ], on: occasion)
    }
  }

  /// What the vault holds of modules, in the order of their names.
  public func modules() throws(VaultError) -> [ModuleRecord] {
    try read { try $0.moduleRecords() }
  }

  private func sealNewKey(
    _ module: Name, epoch: UInt64, with key: VaultKey
  ) throws(VaultError) -> [UInt8] {
    let contentKey: SecretBytes
    do throws(CryptographyError) {
      contentKey = try randomSecret(count: Grant.contentKeySize)
    } catch {
      throw .cryptography(error)
    }
    return try key.seal(contentKey, of: module, epoch: epoch)
  }
}

extension Database {
  /// The row of a module; throws `unknownModule`.
  func moduleID(_ module: Name) throws -> Int64 {
    let row = try Row.fetchOne(self, sql: "SELECT id FROM modules WHERE name = ?", arguments: [module.text])
    guard let row else { throw VaultError.unknownModule(module) }
    return try row.rowID("id", in: .module)
  }

  func latestEpoch(of module: Name) throws -> UInt64? {
    try Row.fetchOne(
      self,
      sql: """
        SELECT epoch FROM content_keys JOIN modules ON modules.id = content_keys.module
        WHERE name = ? ORDER BY epoch DESC LIMIT 1
        """,
      arguments: [module.text]
    )?.number("epoch", in: .contentKey)
  }

  func sealedKey(of module: Name, epoch: UInt64) throws -> [UInt8] {
    let row = try Row.fetchOne(
      self, sql: "SELECT sealed FROM content_keys WHERE module = ? AND epoch = ?",
      arguments: [moduleID(module), Int64(clamping: epoch)])
    guard let row else { throw VaultError.unknownEpoch(module, epoch) }
    return try row.bytes("sealed", in: .contentKey)
  }

  func insert(module: Name) throws -> Int64 {
    try execute(sql: "INSERT OR IGNORE INTO modules (name) VALUES (?)", arguments: [module.text])
    return try moduleID(module)
  }

  func insert(_ sealed: [UInt8], module: Int64, epoch: UInt64, now: UInt64) throws {
    try execute(
      sql: "INSERT INTO content_keys (module, epoch, sealed, created_at) VALUES (?, ?, ?, ?)",
      arguments: [module, Int64(clamping: epoch), Data(sealed), Int64(clamping: now)])
  }

  func moduleRecords() throws -> [ModuleRecord] {
    let rows = try Row.fetchAll(
      self,
      sql: """
        SELECT name, epoch, created_at, (SELECT count(*) FROM packages
          WHERE packages.module = keys.module AND packages.epoch = keys.epoch) AS package_count,
          (SELECT coalesce(sum(count), 0) FROM grant_series AS series
          WHERE series.module = keys.module AND series.epoch = keys.epoch) AS grant_count
        FROM content_keys AS keys JOIN modules ON modules.id = keys.module ORDER BY name, epoch
        """)
    var records: [ModuleRecord] = []
    for row in rows {
      let name = try row.name()
      let number = try row.number("epoch", in: .contentKey)
      let epoch = ModuleRecord.Epoch(
        number: number, createdAt: try row.number("created_at", in: .contentKey),
        grantCount: try row.number("grant_count", in: .grant),
        packageCount: try row.number("package_count", in: .package))
      let earlier = records.last?.name == name ? records.removeLast().epochs : []
      records.append(ModuleRecord(name: name, epochs: earlier + [epoch]))
    }
    return records
  }
}

extension Version {
  var text: String { "\(major).\(minor).\(patch)" }
}
