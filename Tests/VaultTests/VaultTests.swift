import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HostSupport
import HuskFormat
import Testing
import Vault

@Suite("A vault's file")
struct VaultTests {
  private let bench: Bench

  init() throws {
    bench = try Bench()
  }

  @Test("is one file that only its owner may read, whenever nobody uses it")
  func file() throws {
    try bench.trust()
    _ = try Vault(bench.path, isReadOnly: true).modules()
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.directory.path) == ["acme.vault"])
    let attributes = try FileManager.default.attributesOfItem(atPath: bench.path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test("never replaces a file")
  func existing() throws {
    let before = try bench.file()
    #expect(throws: VaultError.file(FileError(bench.path, .alreadyExists))) {
      try Vault.create(at: bench.path, unlockedBy: .key(secret(named: "vault key")), on: .at(now))
    }
    #expect(try bench.file() == before)
  }

  @Test("of a newer husk is refused, and left as it is")
  func newerSchema() throws {
    try bench.edit("PRAGMA user_version = \(Schema.version + 1)")
    let before = try bench.file()
    for isReadOnly in [false, true] {
      #expect(throws: VaultError.newerSchema(found: Schema.version + 1, supported: Schema.version)) {
        _ = try Vault(bench.path, isReadOnly: isReadOnly)
      }
    }
    #expect(try bench.file() == before)
  }

  @Test("of an older husk is brought up to date step by step, all or nothing")
  func migration() throws {
    try bench.trust()
    let database = try DatabaseQueue(path: bench.path)
    struct Failure: Error {}
    let next: @Sendable (Database) throws -> Void = { try $0.execute(sql: "ALTER TABLE modules ADD COLUMN note TEXT") }
    #expect(throws: Failure.self) {
      try database.write { try Schema.migrate($0, with: Schema.steps + [next, { _ in throw Failure() }]) }
    }
    let version = { try database.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } }
    let columns = { try database.read { try $0.columns(in: "modules").map(\.name) } }
    #expect(try version() == Schema.version)
    #expect(try columns() == ["id", "name"])
    for _ in 0..<2 { try database.write { try Schema.migrate($0, with: Schema.steps + [next]) } }
    #expect(try version() == Schema.version + 1)
    #expect(try columns() == ["id", "name", "note"])
    #expect(try database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM trust") } == 4)
  }

  @Test("isn't any other file")
  func notAVault() throws {
    let database = bench.directory.appending(path: "other.sqlite").path
    try DatabaseQueue(path: database).write { try $0.execute(sql: "CREATE TABLE meta (vault_key BLOB)") }
    let before = try Data(contentsOf: URL(filePath: database))
    for isReadOnly in [false, true] {
      #expect(throws: VaultError.notAVault) { _ = try Vault(database, isReadOnly: isReadOnly) }
    }
    let after = try Data(contentsOf: URL(filePath: database))
    #expect(after == before)

    let text = bench.directory.appending(path: "text").path
    try Data("no vault".utf8).write(to: URL(filePath: text))
    #expect(throws: VaultError.notAVault) { _ = try Vault(text) }

    let empty = bench.directory.appending(path: "empty").path
    try Data().write(to: URL(filePath: empty))
    #expect(throws: VaultError.notAVault) { _ = try Vault(empty) }
    #expect(try Data(contentsOf: URL(filePath: empty)).isEmpty)

    let missing = bench.directory.appending(path: "missing").path
    #expect(throws: VaultError.file(FileError(missing, .notFound))) { _ = try Vault(missing) }
    #expect(!FileManager.default.fileExists(atPath: missing))
    #expect(throws: VaultError.file(FileError(bench.directory.path, .isDirectory))) {
      _ = try Vault(bench.directory.path)
    }
  }

  @Test("opened for reading changes nothing")
  func readOnly() throws {
    try bench.trust()
    let vault = try Vault(bench.path, isReadOnly: true)
    let key = try vault.unlock(with: .key(secret(named: "vault key")))
    #expect(throws: VaultError.readOnly) { _ = try vault.ensureModule(codec, with: key, on: .at(now)) }
    #expect(throws: VaultError.readOnly) { try vault.acceptClock(on: .at(now)) }
  }
}
