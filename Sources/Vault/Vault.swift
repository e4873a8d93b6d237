public import Cryptography
import FoundationEssentials
import GRDB
import HostSupport
public import HuskFormat
public import SecretBytes

/// The vendor's memory (SPEC 14): content keys by module and epoch, sealed to the vault key, and the grants issued.
///
/// One SQLite file, safe against being killed at any instant.
public final class Vault: Sendable {
  /// X25519, 32 bytes: what content keys are sealed to.
  public let vaultKey: [UInt8]
  private let database: DatabaseQueue

  /// Makes a new vault, mode 0600. An existing file is never touched.
  ///
  /// - Parameter vaultKey: the X25519 public key; its private half is kept apart.
  public static func create(at path: String, vaultKey: [UInt8]) throws(VaultError) {
    do {
      let file = try OutputFile(path, mode: 0o600)
      let database = try DatabaseQueue(
        path: file.temporaryPath, configuration: configuration(isReadOnly: false, isNew: true))
      try database.write { try Schema.create($0, vaultKey: vaultKey) }
      try database.close()
      try file.publish()
    } catch {
      throw VaultError(error)
    }
  }

  /// Opens an existing vault.
  public init(_ path: String, isReadOnly: Bool = false) throws(VaultError) {
    do {
      // SQLite would make a file that isn't there, and says little about one that it can't use.
      guard try InputFile(path).read(upTo: fileHeader.count) == fileHeader else { throw VaultError.notAVault }
      database = try DatabaseQueue(path: path, configuration: configuration(isReadOnly: isReadOnly))
      vaultKey = try database.read { database in
        guard try Int.fetchOne(database, sql: "PRAGMA application_id") == Schema.applicationID else {
          throw VaultError.notAVault
        }
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard version >= 1 else { throw VaultError.notAVault }
        guard version <= Schema.version else {
          throw VaultError.newerSchema(found: version, supported: Schema.version)
        }
        let key = try Data.fetchOne(database, sql: "SELECT vault_key FROM meta")
        guard let key, key.count == X25519PrivateKey.byteCount else { throw VaultError.notAVault }
        return Array(key)
      }
    } catch {
      throw VaultError(error)
    }
  }

  /// Throws `wrongVaultKey` unless a private key is this vault's.
  public func check(_ key: borrowing X25519PrivateKey) throws(VaultError) {
    guard key.publicKey == vaultKey else { throw .wrongVaultKey }
  }

  /// The latest epoch of a module; nil if the vault doesn't know it.
  public func latestEpoch(of module: Name) throws(VaultError) -> UInt64? {
    try read { try $0.latestEpoch(of: module) }
  }

  /// Begins a module: epoch 1 with a new content key, unless it has an epoch already. Returns the latest.
  ///
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - key: the vault key's private half, which vouches for the new content key.
  public func ensureModule(
    _ module: Name, now: UInt64, with key: borrowing X25519PrivateKey
  ) throws(VaultError) -> UInt64 {
    let sealed = try sealNewKey(module, epoch: 1, with: key)
    return try write { database in
      if let epoch = try database.latestEpoch(of: module) { return epoch }
      try database.insert(module: module)
      try database.insert(sealed, module: module, epoch: 1, now: now)
      return 1
    }
  }

  /// Begins a module's next epoch with a new content key: packages of it take new grants. Returns the epoch.
  ///
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - key: the vault key's private half, which vouches for the new content key.
  public func rotate(
    _ module: Name, now: UInt64, with key: borrowing X25519PrivateKey
  ) throws(VaultError) -> UInt64 {
    while true {
      guard let latest = try latestEpoch(of: module) else { throw .unknownModule(module) }
      guard let next = number(after: latest) else { throw .lastEpoch(module) }
      let sealed = try sealNewKey(module, epoch: next, with: key)
      let isDone = try write { database in
        // Another process may have rotated meanwhile.
        guard try database.latestEpoch(of: module) == latest else { return false }
        try database.insert(sealed, module: module, epoch: next, now: now)
        return true
      }
      if isDone { return next }
    }
  }

  /// The content key of an epoch, 32 bytes.
  public func contentKey(
    of module: Name, epoch: UInt64, openedWith key: borrowing X25519PrivateKey
  ) throws(VaultError) -> SecretBytes {
    try check(key)
    guard try latestEpoch(of: module) != nil else { throw .unknownModule(module) }
    guard let sealed = try read({ try $0.sealedKey(of: module, epoch: epoch) }) else {
      throw .unknownEpoch(module, epoch)
    }
    return try sealed.open(module: module, epoch: epoch, with: key)
  }

  /// Records a grant with the next sequence number for its device and module. If `issue` throws, nothing is recorded.
  ///
  /// - Parameters:
  ///   - device: its id, 32 bytes.
  ///   - now: seconds since 1970.
  ///   - issue: makes the grant, given its sequence number, and puts it safely away.
  /// - Throws: a ``VaultError``, or what `issue` throws.
  public func recordGrant(
    of module: Name, epoch: UInt64, to device: [UInt8], now: UInt64, issue: (UInt64) throws -> Void
  ) throws {
    do {
      try database.write { database in
        let sequence = try database.nextSequence(device: device, module: module)
        try database.insert(grant: sequence, device: device, module: module, epoch: epoch, now: now)
        try issue(sequence)
      }
    } catch let error as DatabaseError {
      throw VaultError(error)
    } catch let error as RowDecodingError {
      throw VaultError(error)
    }
  }

  /// What the vault holds: its modules in the order of their names.
  public func contents() throws(VaultError) -> [ModuleRecord] {
    try read { try $0.moduleRecords() }
  }
}

/// What the vault knows of a module.
public struct ModuleRecord: Equatable, Sendable {
  public let name: String
  public let epochs: [Epoch]

  public struct Epoch: Equatable, Sendable {
    public let number: UInt64
    /// Seconds since 1970.
    public let createdAt: UInt64
    /// How many grants were issued.
    public let grantCount: UInt64
  }
}

private let fileHeader = Array("SQLite format 3\0".utf8)

private func configuration(isReadOnly: Bool, isNew: Bool = false) -> Configuration {
  var configuration = Configuration()
  configuration.readonly = isReadOnly
  configuration.busyMode = .timeout(10)
  configuration.prepareDatabase { database in
    // Views and triggers that somebody put into the file get no dangerous functions to call.
    try database.execute(sql: "PRAGMA trusted_schema = OFF")
    if isReadOnly { return }
    // One file that can be copied and kept, and what is recorded survives a power cut. A vault that isn't published yet
    // needs no journal: it is thrown away if anything goes wrong.
    try database.execute(sql: "PRAGMA journal_mode = \(isNew ? "MEMORY" : "DELETE"); PRAGMA synchronous = FULL")
  }
  return configuration
}

extension Vault {
  private func read<Value>(_ body: (Database) throws -> Value) throws(VaultError) -> Value {
    do {
      return try database.read(body)
    } catch {
      throw VaultError(error)
    }
  }

  private func write<Value>(_ body: (Database) throws -> Value) throws(VaultError) -> Value {
    do {
      return try database.write(body)
    } catch {
      throw VaultError(error)
    }
  }

  private func sealNewKey(
    _ module: Name, epoch: UInt64, with key: borrowing X25519PrivateKey
  ) throws(VaultError) -> SealedContentKey {
    try check(key)
    do throws(CryptographyError) {
      return try SealedContentKey(
        randomSecret(count: Grant.contentKeySize), module: module, epoch: epoch, with: key)
    } catch {
      throw .cryptography(error)
    }
  }
}
