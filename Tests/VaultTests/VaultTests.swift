import CBOR
import COSE
import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HostSupport
import HuskFormat
import SecretBytes
import Testing
import Vault

private let codec = testName("com.acme.codec")
private let other = testName("com.acme.other")
private let now = Moment.present

@Suite("The vault")
struct VaultTests {
  private let scratch: Scratch
  private let path: String
  private let key = TestGrantKey("vault key")

  init() throws {
    scratch = try Scratch()
    path = scratch.directory.appending(path: "acme.vault").path
    try Vault.create(at: path, vaultKey: key.publicKey)
  }

  @Test("is one file that only its owner may read")
  func file() throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.directory.path) == ["acme.vault"])
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test("never replaces a file")
  func existing() throws {
    let before = try Data(contentsOf: URL(filePath: path))
    #expect(throws: VaultError.file(FileError(path, .alreadyExists))) {
      try Vault.create(at: path, vaultKey: key.publicKey)
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
  }

  @Test("keeps the content key of an epoch, across openings")
  func stable() throws {
    let epoch = try Vault(path).ensureModule(codec, now: now, with: key.key)
    #expect(epoch == 1)
    #expect(try Vault(path).ensureModule(codec, now: now, with: key.key) == 1)
    let isSame = try contentKey(codec, 1).isEqual(to: contentKey(codec, 1))
    #expect(isSame)
  }

  @Test("has another content key for every module and epoch")
  func distinct() throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    _ = try vault.ensureModule(other, now: now, with: key.key)
    #expect(try vault.rotate(codec, now: now + 5, with: key.key) == 2)
    #expect(try vault.latestEpoch(of: codec) == 2)
    #expect(try vault.ensureModule(codec, now: now, with: key.key) == 2)
    let first = try contentKey(codec, 1)
    let isShared = try first.isEqual(to: contentKey(codec, 2)) || first.isEqual(to: contentKey(other, 1))
    #expect(!isShared)
    let contents = try vault.contents()
    #expect(contents.map(\.name) == ["com.acme.codec", "com.acme.other"])
    #expect(contents[0].epochs.map(\.number) == [1, 2])
    #expect(contents[0].epochs.map(\.createdAt) == [now, now + 5])
  }

  @Test("opens content keys with its own key only")
  func wrongKey() throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    let stranger = TestGrantKey("another key")
    #expect(throws: VaultError.wrongVaultKey) {
      _ = try vault.contentKey(of: codec, epoch: 1, openedWith: stranger.key)
    }
    #expect(throws: VaultError.wrongVaultKey) { try vault.check(stranger.key) }
  }

  @Test("says which module or epoch it doesn't have")
  func unknown() throws {
    let vault = try Vault(path)
    #expect(try vault.latestEpoch(of: codec) == nil)
    #expect(throws: VaultError.unknownModule(codec)) { _ = try contentKey(codec, 1) }
    #expect(throws: VaultError.unknownModule(codec)) { try vault.rotate(codec, now: now, with: key.key) }
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    #expect(throws: VaultError.unknownEpoch(codec, 2)) { _ = try contentKey(codec, 2) }
  }

  @Test("opens no content key that somebody else sealed to the vault key")
  func planted() throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    // The public key, which is in the file, is all that sealing takes.
    let planted = try Encrypt0.seal(
      secret(named: "planted"), to: key.publicKey, externalAAD: context("husk-content-key", codec, 1))
    try edit("UPDATE content_keys SET sealed = x'\(hexadecimal(planted))'")
    #expect(throws: VaultError.foreignContentKey(codec, 1)) { _ = try contentKey(codec, 1) }
    for tag in ["zeroblob(32)", "randomblob(32)"] {
      try edit("UPDATE content_keys SET tag = \(tag)")
      #expect(throws: VaultError.foreignContentKey(codec, 1)) { _ = try contentKey(codec, 1) }
    }
  }

  @Test("makes the tag that SPEC 14 describes")
  func tag() throws {
    _ = try Vault(path).ensureModule(codec, now: now, with: key.key)
    let row = try #require(
      try DatabaseQueue(path: path).read { try Row.fetchOne($0, sql: "SELECT sealed, tag FROM content_keys") })
    let sealed = [UInt8](try row.decode(Data.self, forColumn: "sealed"))
    let info = try context("husk-content-key-tag", codec, 1, sealed)
    let expected = try HKDF.sha256.derive(
      salt: RawSpan(), inputKeyMaterial: key.key.sharedSecret(with: key.publicKey.span.bytes), info: info.span.bytes,
      byteCount: 32)
    let bytes = expected.withBytes { $0.withUnsafeBytes { Data($0) } }
    #expect(try row.decode(Data.self, forColumn: "tag") == bytes)
  }

  @Test("begins epochs only with its own key")
  func strangersEpochs() throws {
    let vault = try Vault(path)
    let stranger = TestGrantKey("another key")
    #expect(throws: VaultError.wrongVaultKey) { try vault.ensureModule(codec, now: now, with: stranger.key) }
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    #expect(throws: VaultError.wrongVaultKey) { try vault.rotate(codec, now: now, with: stranger.key) }
    #expect(try vault.contents()[0].epochs.map(\.number) == [1])
  }

  @Test("doesn't open a record that was moved to another module or epoch")
  func moved() throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    _ = try vault.ensureModule(other, now: now, with: key.key)
    _ = try vault.rotate(codec, now: now, with: key.key)
    try edit(
      """
      UPDATE content_keys SET (sealed, tag) =
        (SELECT sealed, tag FROM content_keys WHERE module = 'com.acme.other')
      """)
    #expect(throws: VaultError.foreignContentKey(codec, 1)) { _ = try contentKey(codec, 1) }
    #expect(throws: VaultError.foreignContentKey(codec, 2)) { _ = try contentKey(codec, 2) }
    _ = try contentKey(other, 1)
  }

  @Test("reveals no content key without the vault key")
  func sealed() throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    let file = try Data(contentsOf: URL(filePath: path))
    let key = try contentKey(codec, 1).withBytes { $0.withUnsafeBytes { Data($0) } }
    #expect(file.range(of: key) == nil)
    #expect(file.range(of: Data(bytes(named: "vault key"))) == nil)
  }

  @Test("counts grants per device and module")
  func sequence() throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    _ = try vault.ensureModule(other, now: now, with: key.key)
    var issued: [UInt64] = []
    for (module, device) in [(codec, "A"), (codec, "A"), (codec, "B"), (other, "A"), (codec, "A")] {
      try vault.recordGrant(of: module, epoch: 1, to: bytes(named: device), now: now) { issued.append($0) }
    }
    #expect(issued == [1, 2, 1, 1, 3])
    #expect(try vault.contents().map { $0.epochs[0].grantCount } == [4, 1])
  }

  @Test("records no grant that wasn't made")
  func failedGrant() throws {
    struct NoRoom: Error {}
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    #expect(throws: NoRoom.self) {
      try vault.recordGrant(of: codec, epoch: 1, to: bytes(named: "A"), now: now) { _ in throw NoRoom() }
    }
    #expect(try vault.contents()[0].epochs[0].grantCount == 0)
    try vault.recordGrant(of: codec, epoch: 1, to: bytes(named: "A"), now: now) { #expect($0 == 1) }
  }

  @Test("says when epochs or sequence numbers come to their end")
  func exhausted() throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    try vault.recordGrant(of: codec, epoch: 1, to: bytes(named: "A"), now: now) { _ in }
    try edit("UPDATE grants SET sequence = 9223372036854775806")
    try vault.recordGrant(of: codec, epoch: 1, to: bytes(named: "A"), now: now) { #expect($0 == Limits.number - 1) }
    #expect(throws: VaultError.lastSequence(codec)) {
      try vault.recordGrant(of: codec, epoch: 1, to: bytes(named: "A"), now: now) { _ in }
    }
    try edit("PRAGMA foreign_keys = OFF", "UPDATE content_keys SET epoch = 9223372036854775807")
    #expect(throws: VaultError.lastEpoch(codec)) { try vault.rotate(codec, now: now, with: key.key) }
  }

  @Test(
    "neither traps nor speaks SQL where a file holds what Husk never wrote",
    arguments: [
      "UPDATE content_keys SET epoch = -5", "UPDATE content_keys SET created_at = -1",
      "UPDATE content_keys SET epoch = NULL", "UPDATE content_keys SET epoch = 'text'",
      "UPDATE content_keys SET epoch = 1e300", "UPDATE content_keys SET module = NULL",
      "UPDATE content_keys SET module = x'ff00'", "UPDATE content_keys SET sealed = NULL",
      "UPDATE content_keys SET tag = NULL", "UPDATE content_keys SET sealed = 5, tag = x''",
      "UPDATE grants SET sequence = -9223372036854775808", "UPDATE grants SET sequence = NULL",
      "UPDATE grants SET sequence = 'text', epoch = NULL", "UPDATE meta SET vault_key = NULL",
      "UPDATE meta SET vault_key = x'00'", "UPDATE meta SET vault_key = 7", "DELETE FROM meta", "DROP TABLE meta",
      "DROP TABLE grants", "DROP TABLE content_keys", "ALTER TABLE content_keys DROP COLUMN tag",
      "PRAGMA user_version = -1", "PRAGMA user_version = 0",
      "CREATE TRIGGER t BEFORE INSERT ON grants BEGIN SELECT load_extension('x'); END",
    ])
  func hostileTables(statement: String) throws {
    let vault = try Vault(path)
    _ = try vault.ensureModule(codec, now: now, with: key.key)
    try vault.recordGrant(of: codec, epoch: 1, to: bytes(named: "A"), now: now) { _ in }
    // Tables that look the same, and take anything.
    try edit(
      "PRAGMA foreign_keys = OFF",
      "ALTER TABLE meta RENAME TO old_meta; CREATE TABLE meta AS SELECT * FROM old_meta",
      "ALTER TABLE content_keys RENAME TO old_keys; CREATE TABLE content_keys AS SELECT * FROM old_keys",
      "ALTER TABLE grants RENAME TO old_grants; CREATE TABLE grants AS SELECT * FROM old_grants", statement)
    let uses: [() throws -> Void] = [
      { _ = try Vault(path, isReadOnly: true).contents() },
      { _ = try contentKey(codec, 1) },
      { _ = try Vault(path).latestEpoch(of: codec) },
      { _ = try Vault(path).ensureModule(codec, now: now, with: key.key) },
      { _ = try Vault(path).rotate(codec, now: now, with: key.key) },
      { try Vault(path).recordGrant(of: codec, epoch: 1, to: bytes(named: "A"), now: now) { _ in } },
    ]
    for use in uses {
      do {
        try use()
      } catch let error as VaultError {
        if case .database(let words) = error { Issue.record("SQLite's own words: \(words)") }
      }
    }
  }

  @Test("gives no sequence number twice, whoever asks at once")
  func concurrency() async throws {
    _ = try Vault(path).ensureModule(codec, now: now, with: key.key)
    let numbers = try await withThrowingTaskGroup(of: [UInt64].self) { group in
      for _ in 0..<2 {
        group.addTask { [path] in
          let vault = try Vault(path)
          var numbers: [UInt64] = []
          for _ in 0..<20 {
            try vault.recordGrant(of: codec, epoch: 1, to: bytes(named: "A"), now: now) { numbers.append($0) }
          }
          return numbers
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(numbers.sorted() == Array(1...40))
  }

  @Test("of a newer husk is refused, and left as it is")
  func newerSchema() throws {
    try edit("PRAGMA user_version = 2")
    let before = try Data(contentsOf: URL(filePath: path))
    #expect(throws: VaultError.newerSchema(found: 2, supported: 1)) { _ = try Vault(path) }
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
  }

  @Test("isn't any other file")
  func notAVault() throws {
    let database = scratch.directory.appending(path: "other.sqlite").path
    try DatabaseQueue(path: database).write { try $0.execute(sql: "CREATE TABLE meta (vault_key BLOB)") }
    #expect(throws: VaultError.notAVault) { _ = try Vault(database) }

    let text = scratch.directory.appending(path: "text").path
    try Data("no vault".utf8).write(to: URL(filePath: text))
    #expect(throws: VaultError.notAVault) { _ = try Vault(text) }

    let empty = scratch.directory.appending(path: "empty").path
    try Data().write(to: URL(filePath: empty))
    #expect(throws: VaultError.notAVault) { _ = try Vault(empty) }
    #expect(try Data(contentsOf: URL(filePath: empty)).isEmpty)

    let missing = scratch.directory.appending(path: "missing").path
    #expect(throws: VaultError.file(FileError(missing, .notFound))) { _ = try Vault(missing) }
    #expect(!FileManager.default.fileExists(atPath: missing))
    #expect(throws: VaultError.file(FileError(scratch.directory.path, .isDirectory))) {
      _ = try Vault(scratch.directory.path)
    }
  }

  @Test("damaged in the middle is refused")
  func damaged() throws {
    _ = try Vault(path).ensureModule(codec, now: now, with: key.key)
    var bytes = try Data(contentsOf: URL(filePath: path))
    for index in 4096..<bytes.count { bytes[index] = 0xff }
    try bytes.write(to: URL(filePath: path))
    #expect(throws: VaultError.notAVault) { _ = try Vault(path).contents() }
  }

  private func contentKey(_ module: Name, _ epoch: UInt64) throws -> SecretBytes {
    try Vault(path).contentKey(of: module, epoch: epoch, openedWith: key.key)
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
  }

  /// The deterministic encoding of what a record is bound to.
  private func context(
    _ label: StaticString, _ module: Name, _ epoch: UInt64, _ sealed: [UInt8]? = nil
  ) throws -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(sealed == nil ? 3 : 4)
    encoder.encode(text: label)
    try encoder.encode(textUTF8: module.bytes)
    encoder.encode(unsigned: epoch)
    if let sealed { encoder.encode(bytes: sealed) }
    return encoder.bytes
  }

  private func edit(_ statements: String...) throws {
    try DatabaseQueue(path: path).writeWithoutTransaction { database in
      for statement in statements { try database.execute(sql: statement) }
    }
  }
}
