import Cryptography
import GRDB
import HostSupport

/// The vendor's memory (SPEC 14): devices, content keys by module and epoch, and the grants issued.
///
/// One SQLite file. What a call reported as done is on disk; a process may be killed at any instant, and several may
/// use the vault at once.
public final class Vault: Sendable {
  let database: DatabaseQueue
  public let isReadOnly: Bool
  /// 16 random bytes that tell this vault from all others.
  public let id: [UInt8]

  /// How long a call waits for other processes, in seconds.
  static let patience: Double = 30

  /// Makes a new vault, mode 0600. An existing file is never touched.
  public static func create(
    at path: String, unlockedBy secret: borrowing UnlockingSecret, on occasion: Occasion
  ) throws(VaultError) {
    do {
      let id = try randomBytes(count: idSize)
      let method = try UnlockingMethod(for: secret)
      let wrapped = try VaultKey.generate(vaultID: id, generation: 1).wrapped(with: secret, method)
      let file = try OutputFile(path, mode: 0o600)
      let database = try DatabaseQueue(path: file.temporaryPath, configuration: configuration(.new))
      try database.write { database in
        try Schema.migrate(database)
        try database.insertMeta(id: id, method: method, wrappedKey: wrapped, now: occasion.now)
        try database.append(.vaultCreated, on: occasion)
      }
      // Whoever opens it finds it as it stays: the first use for writing needn't change it.
      try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
      try database.close()
      try file.publish()
    } catch {
      throw VaultError(error)
    }
  }

  /// Opens an existing vault. One that an older husk made is brought up to date, unless it is opened for reading only.
  public init(_ path: String, isReadOnly: Bool = false) throws(VaultError) {
    do {
      // SQLite would make a file that isn't there, says little about one that it can't use, and waits for ever at a pipe.
      guard try InputFile.regular(path).read(upTo: fileHeader.count) == fileHeader else { throw VaultError.notAVault }
      database = try isReadOnly ? openForReading(path) : openForWriting(path)
      self.isReadOnly = isReadOnly
      id = try database.read { try $0.meta().id }
    } catch {
      throw VaultError(error)
    }
  }

  /// Seconds since 1970.
  public func createdAt() throws(VaultError) -> UInt64 {
    try read { try $0.meta().createdAt }
  }

  /// How this vault is unlocked.
  public func unlockingMethod() throws(VaultError) -> UnlockingMethod {
    try read { try $0.meta().method }
  }

  /// Unlocks the vault; throws `wrongVaultKey` or `wrongUnlocking`.
  public func unlock(with secret: borrowing UnlockingSecret) throws(VaultError) -> VaultKey {
    let meta = try read { try $0.meta() }
    return try VaultKey(
      unwrapping: meta.wrappedKey, with: secret, meta.method, vaultID: meta.id, generation: meta.keyGeneration)
  }

  private static let idSize = 16
}

extension Vault {
  /// Reads one state of the vault.
  func read<Value>(_ body: (Database) throws -> Value) throws(VaultError) -> Value {
    do {
      return try database.read(body)
    } catch {
      throw VaultError(error)
    }
  }

  /// Changes the vault, all or nothing.
  func write<Value>(_ body: (Database) throws -> Value) throws(VaultError) -> Value {
    do {
      return try transaction(body)
    } catch {
      throw VaultError(error)
    }
  }

  /// Changes the vault, all or nothing, and throws what `body` throws, or SQLite's errors.
  func transaction<Value>(_ body: (Database) throws -> Value) throws -> Value {
    guard !isReadOnly else { throw VaultError.readOnly }
    return try database.write(body)
  }

  /// Changes the vault with what its key vouches for: only while the key is still the vault's.
  func write<Value>(with key: VaultKey, _ body: (Database) throws -> Value) throws(VaultError) -> Value {
    try write { database in
      try database.require(key)
      return try body(database)
    }
  }
}

extension Database {
  /// Throws `vaultKeyRotated` unless a key is this vault's, now.
  func require(_ key: VaultKey) throws {
    let meta = try meta()
    guard meta.id == key.vaultID, meta.keyGeneration == key.generation else { throw VaultError.vaultKeyRotated }
  }
}

private let fileHeader = Array("SQLite format 3\0".utf8)

private func openForWriting(_ path: String) throws -> DatabaseQueue {
  let database = try DatabaseQueue(path: path, configuration: configuration(.writing))
  // Looked at before anything is changed: it may be another program's database, or hold others' triggers.
  let version = try database.read { try $0.checkedVersion() }
  // What is recorded survives a power cut, and who reads doesn't wait for who writes.
  try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
  if version < Schema.version { try database.write { try Schema.migrate($0) } }
  return database
}

private func openForReading(_ path: String) throws -> DatabaseQueue {
  let database: DatabaseQueue
  do {
    database = try DatabaseQueue(path: path, configuration: configuration(.reading))
    _ = try database.read { try $0.checkedVersion() }
  } catch let error as DatabaseError where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) {
    // A file that can't be written, nor anything beside it, doesn't change either: SQLite needs no lock on it.
    guard fileSize("\(path)-wal") ?? 0 == 0 else { throw VaultError.unfinished }
    return try openImmutable(path)
  }
  return try checkedForReading(database)
}

private func openImmutable(_ path: String) throws -> DatabaseQueue {
  // Everything but the plainest characters is escaped, and the path begins with a slash or a dot: it names a file only.
  let escaped = path.utf8.map { byte in
    switch UInt8(byte) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      return String(UnicodeScalar(byte))
    default:
      let digits = String(byte, radix: 16)
      return "%" + (digits.count == 1 ? "0" : "") + digits
    }
  }.joined()
  let name = "file:\(path.hasPrefix("/") ? "" : "./")\(escaped)?immutable=1"
  return try checkedForReading(DatabaseQueue(path: name, configuration: configuration(.immutable)))
}

private func checkedForReading(_ database: DatabaseQueue) throws -> DatabaseQueue {
  let version = try database.read { try $0.checkedVersion() }
  guard version == Schema.version else {
    throw VaultError.olderSchema(found: version, supported: Schema.version)
  }
  return database
}

private enum Use {
  case new
  case writing
  case reading
  /// A file that can't be written, nor anything beside it.
  case immutable
}

private func configuration(_ use: Use) -> Configuration {
  var configuration = Configuration()
  configuration.readonly = use == .immutable
  configuration.busyMode = .timeout(Vault.patience)
  configuration.prepareDatabase { database in
    // What the file defines gets no dangerous functions to call, even before it is looked at; what is overwritten, such
    // as a content key under a former vault key, doesn't stay in unused parts of the file.
    try database.execute(
      sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON")
    switch use {
    // Not opened for reading only: such a connection would leave files behind that it may not remove.
    case .reading, .immutable: break
    // A vault that isn't published yet needs no journal: it is thrown away if anything goes wrong.
    case .new: try database.execute(sql: "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL")
    case .writing: try database.execute(sql: "PRAGMA synchronous = FULL")
    }
  }
  return configuration
}
