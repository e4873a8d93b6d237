import CBOR
import COSE
import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HuskFormat
import SecretBytes
import Testing
import Vault

@Suite("A vault's key")
struct KeyTests {
  private let bench: Bench

  init() throws {
    bench = try Bench()
  }

  @Test("keeps the content key of an epoch, across openings")
  func stable() throws {
    let (vault, key) = try bench.open()
    #expect(try vault.ensureModule(codec, with: key, on: .at(now)) == 1)
    #expect(try bench.open().vault.ensureModule(codec, with: bench.open().key, on: .at(now)) == 1)
    let first = try contentKey(codec, 1)
    let isSame = try first.isEqual(to: contentKey(codec, 1))
    #expect(isSame)
    #expect(first.count == 32)
  }

  @Test("gives every module and epoch a content key of its own")
  func distinct() throws {
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    _ = try vault.ensureModule(other, with: key, on: .at(now))
    #expect(try vault.rotate(codec, with: key, on: .at(now + 5)) == 2)
    #expect(try vault.latestEpoch(of: codec) == 2)
    #expect(try vault.ensureModule(codec, with: key, on: .at(now + 5)) == 2)
    let first = try contentKey(codec, 1)
    let isShared = try first.isEqual(to: contentKey(codec, 2)) || first.isEqual(to: contentKey(other, 1))
    #expect(!isShared)
    let modules = try vault.modules()
    #expect(modules.map(\.name) == [codec, other])
    #expect(modules[0].epochs.map(\.number) == [1, 2])
    #expect(modules[0].epochs.map(\.createdAt) == [now, now + 5])
  }

  @Test("is unlocked by its own secret only, of its own kind")
  func wrongSecret() throws {
    let vault = try Vault(bench.path)
    #expect(throws: VaultError.wrongVaultKey(.key)) { _ = try vault.unlock(with: .key(secret(named: "another"))) }
    #expect(throws: VaultError.wrongUnlocking(needed: .key)) {
      _ = try vault.unlock(with: .passphrase(secret(named: "vault key")))
    }
    #expect(throws: VaultError.cryptography(.invalidLength)) {
      _ = try vault.unlock(with: .key(secret(Array("short".utf8))))
    }
  }

  @Test("is of no use in another vault, even one that the same secret unlocks")
  func otherVault() throws {
    let stranger = try Bench()
    let key = try stranger.open().key
    let vault = try bench.open().vault
    #expect(throws: VaultError.vaultKeyRotated) { _ = try vault.ensureModule(codec, with: key, on: .at(now)) }
    // Nor does a wrapped key open that was put into another vault's file.
    let row = try #require(
      try DatabaseQueue(path: stranger.path).read { try Row.fetchOne($0, sql: "SELECT hex(vault_key) AS k FROM meta") })
    let wrapped: String = row["k"]
    try bench.edit("UPDATE meta SET vault_key = x'\(wrapped)'")
    #expect(throws: VaultError.wrongVaultKey(.key)) { _ = try bench.open() }
  }

  @Test("may be unlocked by a passphrase, whose costs the file can't lower or raise beyond reason")
  func passphrase() throws {
    let path = bench.directory.appending(path: "phrase.vault").path
    try Vault.create(at: path, unlockedBy: .passphrase(secret(Array("correct horse".utf8))), on: .at(now))
    let vault = try Vault(path)
    _ = try vault.unlock(with: .passphrase(secret(Array("correct horse".utf8))))
    let method = try vault.unlockingMethod()
    guard case .passphrase(let scrypt, let salt) = method else {
      Issue.record("not a passphrase")
      return
    }
    #expect(scrypt == .recommended)
    #expect(salt.count == 16)
    #expect(throws: VaultError.wrongVaultKey(method)) {
      _ = try vault.unlock(with: .passphrase(secret(Array("correct horsf".utf8))))
    }
    #expect(throws: VaultError.wrongUnlocking(needed: method)) {
      _ = try vault.unlock(with: .key(secret(named: "vault key")))
    }

    let queue = try DatabaseQueue(path: path)
    for (logCost, blockSize, parallelization) in [
      (16, 8, 1), (21, 8, 1), (17, 1, 1), (17, 8, 5), (17, 8, 0), (63, 8, 1),
    ] {
      var encoder = CBOREncoder()
      encoder.beginArray(5)
      encoder.encode(unsigned: 1)
      encoder.encode(bytes: salt)
      for number in [logCost, blockSize, parallelization] { encoder.encode(unsigned: UInt64(number)) }
      let encoded = Data(encoder.bytes)
      try queue.write { try $0.execute(sql: "UPDATE meta SET unlocking = ?", arguments: [encoded]) }
      #expect(throws: VaultError.damaged(.meta)) { _ = try Vault(path) }
    }
  }

  @Test("encrypts as SPEC 14.2 says: any reader of COSE opens it")
  func format() throws {
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    let row = try #require(
      try DatabaseQueue(path: bench.path).read {
        try Row.fetchOne($0, sql: "SELECT vault_id, unlocking, vault_key, sealed FROM meta, content_keys")
      })
    let field = { (name: String) in [UInt8](try row.decode(Data.self, forColumn: name)) }
    #expect(try field("unlocking") == [0x81, 0x02])
    var aad = CBOREncoder()
    aad.beginArray(4)
    aad.encode(text: "husk-vault-key")
    aad.encode(bytes: try field("vault_id"))
    aad.encode(unsigned: 1)
    aad.encode(encoded: [0x81, 0x02])
    let vaultKey = try open(field("vault_key"), with: secret(named: "vault key"), aad: aad.bytes)
    var keyAAD = CBOREncoder()
    keyAAD.beginArray(3)
    keyAAD.encode(text: "husk-content-key")
    try keyAAD.encode(textUTF8: codec.bytes)
    keyAAD.encode(unsigned: 1)
    let contentKey = try open(field("sealed"), with: vaultKey, aad: keyAAD.bytes)
    let isSame = try contentKey.isEqual(to: self.contentKey(codec, 1))
    #expect(isSame)
  }

  /// RFC 9052 section 5.3 by hand.
  private func open(_ encoded: [UInt8], with key: borrowing SecretBytes, aad: [UInt8]) throws -> SecretBytes {
    var reader = CBORReader(encoded)
    #expect(try reader.readTag() == 16)
    #expect(try reader.readArrayHeader() == 3)
    let protected = try reader.readBytes()
    #expect(Array(protected) == [0xa1, 0x01, 0x03])
    var map = try reader.readMap()
    #expect(try reader.nextIntegerKey(&map) == 5)
    let nonce = Array(try reader.readBytes())
    let ciphertext = Array(try reader.readBytes())
    try reader.finish()
    var structure = CBOREncoder()
    structure.beginArray(3)
    structure.encode(text: "Encrypt0")
    structure.encode(bytes: protected)
    structure.encode(bytes: aad)
    let bytes = structure.bytes
    var plaintext = try SecretBytes(count: ciphertext.count - 16)
    _ = try plaintext.withMutableBytes { (output) throws(CryptographyError) in
      try AEAD.aes256GCM.open(
        key: key, nonce: nonce.span.bytes, aad: bytes.span.bytes, ciphertext: ciphertext.span.bytes, into: output)
    }
    return plaintext
  }

  @Test("opens no content key that was altered, or moved to another module or epoch")
  func moved() throws {
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    _ = try vault.ensureModule(other, with: key, on: .at(now))
    _ = try vault.rotate(codec, with: key, on: .at(now))
    try bench.edit("UPDATE content_keys SET sealed = (SELECT sealed FROM content_keys WHERE module = 2)")
    #expect(throws: VaultError.damagedContentKey(codec, 1)) { _ = try contentKey(codec, 1) }
    #expect(throws: VaultError.damagedContentKey(codec, 2)) { _ = try contentKey(codec, 2) }
    _ = try contentKey(other, 1)
    try bench.edit(
      "UPDATE content_keys SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB) WHERE module = 2")
    #expect(throws: VaultError.damagedContentKey(other, 1)) { _ = try contentKey(other, 1) }
  }

  @Test("is rotated as a whole: the former secret and key are of no use, everything else is as it was")
  func rotation() throws {
    try bench.trust()
    try bench.add(IdentityFixture("A"), IdentityFixture("B"))
    for _ in 0..<2 { try bench.grant() }
    try bench.grant(other, to: 1)
    let (vault, key) = try bench.open()
    _ = try vault.tag(bench.devices(), as: "lab", selectedBy: nil, with: key, on: .at(now))
    _ = try vault.rotate(codec, with: key, on: .at(now))
    let before = try (1...2).map { epoch in
      try contentKey(codec, UInt64(epoch)).withBytes { $0.withUnsafeBytes { Data($0) } }
    }
    let sealedBefore = try columns("SELECT sealed FROM content_keys")

    let next = try vault.rotateKey(key, to: .key(secret(named: "new key")), on: .at(now))
    #expect(throws: VaultError.wrongVaultKey(.key)) { _ = try bench.open() }
    #expect(throws: VaultError.vaultKeyRotated) { _ = try vault.ensureModule(other, with: key, on: .at(now)) }
    #expect(throws: VaultError.damagedContentKey(codec, 1)) { _ = try vault.contentKey(of: codec, epoch: 1, with: key) }
    #expect(throws: VaultError.foreignRecord(.trust)) { _ = try vault.trust(with: key) }

    let again = try Vault(bench.path)
    let unlocked = try again.unlock(with: .key(secret(named: "new key")))
    let after = try (1...2).map { epoch in
      try again.contentKey(of: codec, epoch: UInt64(epoch), with: unlocked).withBytes {
        $0.withUnsafeBytes { Data($0) }
      }
    }
    #expect(after == before)
    #expect(try again.check(with: next).findings == [])
    for index in 0...1 {
      var candidates = try GrantCandidates(
        again, .devices([bench.devices()[index].row]), module: codec, after: 0)
      let candidate = try #require(try candidates.next(1).first)
      var check = try CandidateCheck(with: unlocked, trust: again.trust(with: unlocked))
      _ = try check.recipient(of: candidate)
    }
    // Not even in unused parts of the file is anything left that the former key opens.
    let file = try bench.file()
    for sealed in sealedBefore { #expect(file.range(of: sealed) == nil) }
  }

  @Test("isn't rotated while a content key doesn't open: it would be lost")
  func rotationOfDamage() throws {
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    try bench.edit("UPDATE content_keys SET sealed = zeroblob(70)")
    #expect(throws: VaultError.damagedContentKey(codec, 1)) {
      _ = try vault.rotateKey(key, to: .key(secret(named: "new key")), on: .at(now))
    }
    _ = try bench.open()
  }

  @Test("rotated leaves records foreign that were foreign")
  func rotationOfForeign() throws {
    try bench.trust()
    try bench.add(IdentityFixture("A"), IdentityFixture("B"))
    try bench.edit("UPDATE devices SET status = 4 WHERE id = 1", "UPDATE trust SET seal = zeroblob(16) WHERE kind = 1")
    let (vault, key) = try bench.open()
    let next = try vault.rotateKey(key, to: .key(secret(named: "new key")), on: .at(now))
    #expect(throws: VaultError.foreignRecord(.trust)) { _ = try vault.trust(with: next) }
    #expect(try vault.check(with: next).findings.map(\.part).contains(.device))
  }

  @Test("and no content key stands in the file")
  func sealed() throws {
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    let file = try bench.file()
    let contentKey = try contentKey(codec, 1).withBytes { $0.withUnsafeBytes { Data($0) } }
    #expect(file.range(of: contentKey) == nil)
    #expect(file.range(of: Data(bytes(named: "vault key"))) == nil)
  }

  @Test("says which module or epoch there isn't, and when there is no further one")
  func unknown() throws {
    let (vault, key) = try bench.open()
    #expect(try vault.latestEpoch(of: codec) == nil)
    #expect(throws: VaultError.unknownModule(codec)) { _ = try contentKey(codec, 1) }
    #expect(throws: VaultError.unknownModule(codec)) { try vault.rotate(codec, with: key, on: .at(now)) }
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    #expect(throws: VaultError.unknownEpoch(codec, 2)) { _ = try contentKey(codec, 2) }
    try bench.edit("UPDATE content_keys SET epoch = 9223372036854775807")
    #expect(throws: VaultError.lastEpoch(codec)) { try vault.rotate(codec, with: key, on: .at(now)) }
  }

  private func contentKey(_ module: Name, _ epoch: UInt64) throws -> SecretBytes {
    let (vault, key) = try bench.open()
    return try vault.contentKey(of: module, epoch: epoch, with: key)
  }

  private func columns(_ sql: String) throws -> [Data] {
    try DatabaseQueue(path: bench.path).read { try Data.fetchAll($0, sql: sql) }
  }
}
