import CLibLZ4
import FoundationEssentials
import GRDB
import HuskFormat

/// Puts identity files into the vault and takes them out again (SPEC 14.4).
///
/// Two identities of one platform differ in a few keys and signatures only. So most are stored as an LZ4 block whose
/// dictionary is a *template*, an identity of the same platform: a quarter of the size.
///
/// It remembers templates, and so serves one transaction.
struct IdentityStorage {
  /// The latest templates by platform.
  private var templates: [Int64: [Template]] = [:]

  private struct Template {
    let id: Int64
    let file: [UInt8]
  }

  struct Stored {
    /// Nil if the file is stored as it is.
    var template: Int64?
    var file: [UInt8]
  }

  /// How many templates are tried: a platform's devices may have come with several silicon chains.
  private static let tried = 4

  /// How a file is to be stored. Makes it a template itself if it is too unlike those that there are.
  mutating func store(_ file: [UInt8], platform: Int64, in database: Database) throws -> Stored {
    let candidates = try templates[platform] ?? load(platform, database)
    var best: Stored?
    for template in candidates {
      guard let difference = compress(file, with: template.file) else { continue }
      if difference.count < best?.file.count ?? .max { best = Stored(template: template.id, file: difference) }
      if difference.count * 2 <= file.count { break }
    }
    if let best, best.file.count * 2 <= file.count { return best }
    try database.execute(
      sql: "INSERT INTO templates (platform, file) VALUES (?, ?)", arguments: [platform, Data(file)])
    let template = Template(id: database.lastInsertedRowID, file: file)
    templates[platform] = Array(([template] + candidates).prefix(Self.tried))
    return Stored(template: template.id, file: compress(file, with: file) ?? [])
  }

  private mutating func load(_ platform: Int64, _ database: Database) throws -> [Template] {
    let found = try Row.fetchAll(
      database, sql: "SELECT id, file FROM templates WHERE platform = ? ORDER BY id DESC LIMIT ?",
      arguments: [platform, Self.tried]
    ).map { Template(id: try $0.rowID("id", in: .identity), file: try $0.bytes("file", in: .identity)) }
    templates[platform] = found
    return found
  }
}

extension Database {
  /// The identity file of a row of identities.
  func identityFile(_ id: Int64) throws -> [UInt8] {
    let row = try Row.fetchOne(
      self,
      sql: """
        SELECT identities.file, template, templates.file AS dictionary FROM identities
        LEFT JOIN templates ON templates.id = template WHERE identities.id = ?
        """,
      arguments: [id])
    guard let row else { throw VaultError.damaged(.identity) }
    let stored = try row.bytes("file", in: .identity)
    guard try row.optionalRowID("template", in: .identity) != nil else { return stored }
    guard let file = decompress(stored, with: try row.bytes("dictionary", in: .identity)) else {
      throw VaultError.damaged(.identity)
    }
    return file
  }
}

/// An LZ4 block; nil if there is no memory.
private func compress(_ file: [UInt8], with template: [UInt8]) -> [UInt8]? {
  guard let stream = LZ4_createStream() else { return nil }
  defer { LZ4_freeStream(stream) }
  return bytesAsCharacters(template) { template in
    LZ4_loadDict(stream, template.baseAddress, Int32(clamping: template.count))
    return bytesAsCharacters(file) { file in
      let bound = LZ4_compressBound(Int32(clamping: file.count))
      let output = [UInt8](unsafeUninitializedCapacity: Int(bound)) { buffer, count in
        let written = buffer.withMemoryRebound(to: CChar.self) {
          LZ4_compress_fast_continue(stream, file.baseAddress, $0.baseAddress, Int32(clamping: file.count), bound, 1)
        }
        count = Int(max(0, written))
      }
      return output.isEmpty ? nil : output
    }
  }
}

/// Nil for what isn't a block that belongs to the template, or is longer than any identity.
private func decompress(_ block: [UInt8], with template: [UInt8]) -> [UInt8]? {
  bytesAsCharacters(template) { template in
    bytesAsCharacters(block) { block in
      var isWhole = true
      let output = [UInt8](unsafeUninitializedCapacity: Limits.identity) { buffer, count in
        let written = buffer.withMemoryRebound(to: CChar.self) {
          LZ4_decompress_safe_usingDict(
            block.baseAddress, $0.baseAddress, Int32(clamping: block.count), Int32(clamping: Limits.identity),
            template.baseAddress, Int32(clamping: template.count))
        }
        isWhole = written >= 0
        count = Int(max(0, written))
      }
      return isWhole ? output : nil
    }
  }
}

private func bytesAsCharacters<Value>(_ bytes: [UInt8], _ body: (UnsafeBufferPointer<CChar>) -> Value) -> Value {
  bytes.withUnsafeBufferPointer { $0.withMemoryRebound(to: CChar.self, body) }
}
