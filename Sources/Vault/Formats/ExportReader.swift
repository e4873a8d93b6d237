import CBOR
import Cryptography
import HostSupport
import HuskFormat

/// Reads an export record by record.
struct ExportReader: ~Copyable {
  /// What a first reading found: what a second one takes is what the first one saw, whoever writes to the file meanwhile.
  struct Checked {
    /// Of the whole file.
    let digest: [UInt8]
    /// Halves of the records' digests, one behind the other.
    fileprivate let items: [UInt8]
  }

  private var buffer: SequenceBuffer
  /// How many records were read.
  private var count = 0

  private static let itemDigestSize = SHA256.byteCount / 2

  init(_ path: String) throws {
    var buffer = try SequenceBuffer(path, longestItem: ExportRecord.longest)
    guard buffer.size != nil else { throw FileError(path, .notRegularFile) }
    try buffer.fill()
    guard FileLabel.detect(buffer.bytes) == .export else { throw ExportError.notAnExport }
    buffer.position = FileLabel.sequenceLabelSize
    self.buffer = buffer
  }

  /// The next record of a file that was checked; nil at the end.
  mutating func next(of checked: Checked) throws -> ExportRecord? {
    guard let item = try item() else { return nil }
    let place = count * Self.itemDigestSize
    count += 1
    guard let record = ExportRecord(item), place < checked.items.count,
      try Self.digest(of: item) == checked.items[place..<(place + Self.itemDigestSize)]
    else { throw ExportError.notAnExport }
    return record
  }

  /// Checks that a file is whole: every record is one, the first one alone is the vault's, and the last one has the digest
  /// of all others.
  ///
  /// - Parameter signer: who must have signed it; nil if that doesn't matter.
  static func check(_ path: String, signedBy signer: PublicKey?) throws -> Checked {
    var reader = try ExportReader(path)
    var digest = try SHA256()
    var signed = try SHA256()
    let label = Array(reader.buffer.bytes[..<FileLabel.sequenceLabelSize])
    try digest.update(label.span.bytes)
    try signed.update(label.span.bytes)
    var items: [UInt8] = []
    var signature: [UInt8]?
    while let item = try reader.item() {
      guard let record = ExportRecord(item), record.isVault == items.isEmpty else { throw ExportError.notAnExport }
      items += try Self.digest(of: item)
      if case .end(let expected) = record {
        let found = try digest.finalize()
        guard try reader.item() == nil, found == expected else { throw ExportError.notAnExport }
        if let signer {
          let content = try signed.finalize()
          guard let signature, ExportSignature.isValid(signature, of: content, by: signer) else {
            throw ExportError.notSigned
          }
        }
        return Checked(digest: found, items: items)
      }
      // Nothing but the end follows a signature: it covers all.
      guard signature == nil else { throw ExportError.notAnExport }
      try digest.update(item.span.bytes)
      if case .signature(let object) = record { signature = object } else { try signed.update(item.span.bytes) }
    }
    throw ExportError.notAnExport
  }

  private static func digest(of item: [UInt8]) throws -> ArraySlice<UInt8> {
    try SHA256.hash(item.span.bytes)[..<itemDigestSize]
  }

  private mutating func item() throws -> [UInt8]? {
    try buffer.fill()
    guard buffer.position < buffer.bytes.count else { return nil }
    do throws(CBORError) {
      return try buffer.takeItem()
    } catch {
      throw ExportError.notAnExport
    }
  }
}
