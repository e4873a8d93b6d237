import Cryptography
import FoundationEssentials
import GRDB
import HuskFormat

// Seals of what says who had which grants: a new issue of everything goes by that (SPEC 14.3, 14.6).

/// A grant's record as it stands in the vault.
struct SealedGrant {
  let device: Int64
  let module: Int64
  let sequence: UInt64
  /// What its seal covers.
  let content: [UInt8]
  let seal: [UInt8]
  /// For people.
  let words: String
}

/// That a device has a tag, as it stands in the vault.
struct SealedTag {
  let tag: Int64
  let device: Int64
  let content: [UInt8]
  let seal: [UInt8]
  /// For people.
  let words: String
}

/// Digests of series' terms by their rows: grants share a few. Nil for a series of grants that another vault says that
/// it issued: its terms are nothing to go by.
struct TermsDigests {
  private var known: [Int64: [UInt8]?] = [:]

  mutating func digest(of series: Int64, _ database: Database) throws -> [UInt8]? {
    if let digest = known[series] { return digest }
    let row = try Row.fetchOne(
      database.cachedStatement(sql: "SELECT terms, is_foreign FROM grant_series WHERE id = ?"), arguments: [series])
    guard let row else { throw VaultError.damaged(.grant) }
    let terms = try row.bytes("terms", in: .grant)
    let isForeign = try row.number("is_foreign", in: .grant) != 0
    let digest = isForeign ? nil : try SHA256.hash(terms.span.bytes)
    known[series] = .some(digest)
    return digest
  }
}

extension CommonGrantTerms {
  /// What the seals of grants on these terms cover of them.
  func digest() throws(VaultError) -> [UInt8] {
    do throws(CryptographyError) {
      return try SHA256.hash(encoded().span.bytes)
    } catch {
      throw .cryptography(error)
    }
  }
}

extension Database {
  /// All grants of the next devices, at most so many, behind one; an empty list is the end.
  func sealedGrants(
    afterDevice device: Int64, devices: Int, _ digests: inout TermsDigests
  ) throws -> [SealedGrant] {
    let rows = try Row.fetchAll(
      cachedStatement(
        sql: """
          SELECT grants.device AS row, module, sequence, series, grants.seal AS seal, devices.device AS id, name
          FROM grants JOIN devices ON devices.id = grants.device JOIN modules ON modules.id = module
          WHERE grants.device > ?1 AND grants.device <= (SELECT max(device) FROM
            (SELECT DISTINCT device FROM grants WHERE device > ?1 ORDER BY device LIMIT ?2))
          ORDER BY grants.device
          """),
      arguments: [device, devices])
    return try rows.map { row in
      let (id, module) = (try row.bytes("id", in: .device), try row.name())
      let sequence = try row.number("sequence", in: .grant)
      let terms = try digests.digest(of: row.rowID("series", in: .grant), self)
      return SealedGrant(
        device: try row.rowID("row", in: .grant), module: try row.rowID("module", in: .grant), sequence: sequence,
        content: SealedRecord.grant(to: id, module: module, sequence: sequence, terms: terms),
        seal: try row.bytes("seal", in: .grant), words: "grant \(sequence) of \(module.text) for \(hexadecimal(id))")
    }
  }

  /// Who has which tag, behind one; an empty list is the end.
  func sealedTags(after last: (tag: Int64, device: Int64), limit: Int) throws -> [SealedTag] {
    let rows = try Row.fetchAll(
      cachedStatement(
        sql: """
          SELECT tag, device_tags.device AS row, device_tags.seal AS seal, devices.device AS id, name
          FROM device_tags JOIN devices ON devices.id = device_tags.device JOIN tags ON tags.id = tag
          WHERE (tag, device_tags.device) > (?, ?) ORDER BY tag, device_tags.device LIMIT ?
          """),
      arguments: [last.tag, last.device, limit])
    return try rows.map { row in
      let (id, name) = (try row.bytes("id", in: .device), try row.text("name", in: .device))
      return SealedTag(
        tag: try row.rowID("tag", in: .device), device: try row.rowID("row", in: .device),
        content: SealedRecord.tag(name, of: id), seal: try row.bytes("seal", in: .device),
        words: "tag \(name) of \(hexadecimal(id))")
    }
  }
}
