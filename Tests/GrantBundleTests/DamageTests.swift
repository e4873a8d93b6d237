import CBOR
import Cryptography
import ErrorClass
import FormatFixtures
import GrantBundle
import HostSupport
import HuskFormat
import TestSupport
import Testing

@Suite("A damaged grant bundle")
struct DamageTests {
  private let shelf: Shelf
  private let fleet: Fleet
  private let bytes: [UInt8]
  /// Where the directory begins.
  private let directory: Int

  private static let count = 200

  init() throws {
    shelf = try Shelf()
    fleet = try Fleet()
    try shelf.make("whole.grants", [(fleet.series, fleet.records(0..<Self.count))])
    bytes = try shelf.read("whole.grants")
    directory = bytes.suffix(40).prefix(8).reduce(0) { $0 << 8 | Int($1) }
  }

  @Test("is refused wherever it was cut off")
  func truncated() throws {
    for length in [1, 11, 12, 13, 5000, directory - 1, directory, directory + 1, bytes.count - 41, bytes.count - 1] {
      let expected: ErrorClass = length < 12 ? .malformed : .sizeMismatch
      try expect(expected, Array(bytes[..<length]), "\(length) bytes")
    }
    try expect(.sizeMismatch, bytes + [0], "a byte more")
  }

  @Test("is refused, or gives a device its own grant: no byte can be changed unseen")
  func everyRegion() throws {
    let first = 12 + 3
    for (offset, expected) in [
      (0, ErrorClass.malformed), (7, .malformed), (11, .malformed),
      (12, .sizeMismatch), (13, .sizeMismatch), (14, .sizeMismatch),
      (first, .digestMismatch), (first + 31, .digestMismatch), (first + 70, .digestMismatch),
      (first + 215, .digestMismatch), (first + 64 * 216 - 1, .digestMismatch),
      (directory, .digestMismatch), (directory + 1, .digestMismatch), (directory + 300, .digestMismatch),
      (bytes.count - 43, .digestMismatch), (bytes.count - 42, .sizeMismatch), (bytes.count - 41, .sizeMismatch),
      (bytes.count - 40, .sizeMismatch), (bytes.count - 33, .digestMismatch), (bytes.count - 1, .digestMismatch),
    ] {
      var damaged = bytes
      damaged[offset] ^= 1
      try expect(expected, damaged, "byte \(offset)")
    }
  }

  @Test("whose digests are right says what is wrong with its directory")
  func forged() throws {
    let entries = Array(bytes[(bytes.count - 42 - 4 * 64)..<(bytes.count - 42)])
    try expect(.unsupportedVersion, forge { encode(to: &$0, version: 2, count: 200, entries) })
    try expect(.malformed, forge { encode(to: &$0, count: 0, entries) })
    try expect(.malformed, forge { encode(to: &$0, count: 257, entries) })
    try expect(.malformed, forge { encode(to: &$0, count: 192, entries) })
    try expect(.sizeMismatch, forge { encode(to: &$0, count: 199, entries) })
    try expect(.malformed, forge { encode(to: &$0, count: 200, Array(entries[..<255])) })
    try expect(
      .malformed, forge { encode(to: &$0, count: 200, Array(entries[64..<128] + entries[..<64] + entries[128...])) })
    try expect(.malformed, forge { $0.encode(unsigned: 1) })
    try expect(
      .malformed,
      forge { encoder in
        encode(to: &encoder, count: 200, entries)
        encoder.encodeNull()
      })
    try expect(
      .malformed,
      forge { encoder in
        encoder.beginArray(3)
        encoder.encode(unsigned: 1)
        encoder.beginArray(0)
        encoder.encode(bytes: entries)
      })
  }

  @Test("whose buckets aren't in order is refused")
  func disorder() throws {
    // Two records of the first bucket change places, and the digests follow.
    var content = Array(bytes[15..<(15 + 64 * 216)])
    let (one, two) = (Array(content[216..<432]), Array(content[432..<648]))
    content.replaceSubrange(216..<648, with: two + one)
    var entries = Array(bytes[(bytes.count - 42 - 4 * 64)..<(bytes.count - 42)])
    entries.replaceSubrange(32..<64, with: try SHA256.hash(content.span.bytes))
    var forged = forge { encode(to: &$0, count: 200, entries) }
    forged.replaceSubrange(15..<(15 + 64 * 216), with: content)
    try expect(.malformed, forged)
  }

  @Test("isn't any other kind of file")
  func otherKinds() throws {
    try expect(.malformed, try GrantFixture().file())
    try expect(.malformed, Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0, count: 4096))
    #expect(throws: ObjectFileError.file(FileError(shelf.path("none"), .notFound))) {
      _ = try BundleReader(shelf.path("none"))
    }
    #expect(throws: ObjectFileError.file(FileError("/dev/null", .notRegularFile))) { _ = try BundleReader("/dev/null") }
  }

  /// The bundle with another directory, and a trailer that fits.
  private func forge(_ edit: (inout CBOREncoder) -> Void) -> [UInt8] {
    var encoder = CBOREncoder()
    edit(&encoder)
    let offset = Array(bytes.suffix(40).prefix(8))
    let digest = (try? SHA256.hash((encoder.bytes + offset).span.bytes)) ?? []
    return Array(bytes[..<directory]) + encoder.bytes + [0x58, 40] + offset + digest
  }

  private func encode(to encoder: inout CBOREncoder, version: UInt64 = 1, count: UInt64, _ entries: [UInt8]) {
    encoder.beginArray(3)
    encoder.encode(unsigned: version)
    encoder.beginArray(1)
    encoder.beginArray(3)
    encoder.encode(unsigned: count)
    fleet.series.terms.encode(to: &encoder)
    encoder.encode(encoded: fleet.series.chain)
    encoder.encode(bytes: entries)
  }

  /// Reads the bundle and every bucket: what refuses it first must be of this class.
  private func expect(
    _ expected: ErrorClass, _ bytes: [UInt8], _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try shelf.write(bytes, "damaged.grants")
    var found: ErrorClass?
    do throws(ObjectFileError) {
      let bundle = try BundleReader(shelf.path("damaged.grants"))
      for number in 0..<Self.count {
        let grants = try bundle.grants(of: fleet.id(number))
        #expect(grants.map(\.record) == [try? fleet.record(number)], comment, sourceLocation: sourceLocation)
      }
    } catch {
      if case .format(_, let error) = error { found = error.errorClass }
    }
    #expect(found == expected, comment, sourceLocation: sourceLocation)
  }
}
