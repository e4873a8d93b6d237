import FoundationEssentials
import GRDB
import HostSupport

// Triggers and views that somebody put into the file would run in the vendor's own commands, with the vendor's rights:
// undo what was just done, or show what isn't there (SPEC 14).

extension Database {
  /// Throws `altered` unless the database consists of exactly what Husk made for its version. Reads no other table.
  func checkSchema(version: Int) throws {
    let found = try schema()
    let expected = try Schema.objects(version: version)
    let known = Set(expected)
    for object in found where !known.contains(object) { throw VaultError.altered(object.title, .changed) }
    for object in expected where !found.contains(object) { throw VaultError.altered(object.title, .missing) }
    guard found.count == expected.count else { throw VaultError.notAVault }
  }

  fileprivate func schema() throws -> [Schema.Object] {
    // As bytes: text would be read up to the first zero only.
    try Row.fetchAll(
      self,
      sql: """
        SELECT CAST(type AS BLOB) AS type, CAST(name AS BLOB) AS name, CAST(tbl_name AS BLOB) AS tbl_name,
          CAST(sql AS BLOB) AS sql
        FROM main.sqlite_schema
        """
    ).map { row in
      Schema.Object(
        type: try row.bytes("type", in: .meta), name: try row.bytes("name", in: .meta),
        table: try row.bytes("tbl_name", in: .meta), sql: try row.optionalBytes("sql", in: .meta))
    }
  }
}

extension Schema {
  /// A table, index, view or trigger, as SQLite has it.
  fileprivate struct Object: Hashable {
    let type: [UInt8]
    let name: [UInt8]
    let table: [UInt8]
    /// How it was made; nil for an index that SQLite made for a table.
    let sql: [UInt8]?

    /// For people.
    var title: String {
      "\(visible(String(decoding: type.prefix(100), as: UTF8.self))) "
        + visible(String(decoding: name.prefix(100), as: UTF8.self))
    }
  }

  /// What a vault of a version consists of: what the steps to it make of an empty database.
  fileprivate static func objects(version: Int) throws -> [Object] {
    try DatabaseQueue().write { database in
      try migrate(database, with: Array(steps.prefix(version)))
      return try database.schema()
    }
  }
}
