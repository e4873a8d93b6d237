import CBOR
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// A grant bundle (SPEC 5.1) to be made, byte by byte.
struct BundleFixture {
  /// What is in each part.
  var parts: [Part]
  /// Changes what is between the label and the directory, and the directory's entries with it.
  var editBuckets: @Sendable ([[UInt8]]) -> [[UInt8]] = { $0 }
  /// Changes the entries alone.
  var editEntries: Edit = { $0 }
  /// Changes the directory before its digest is computed.
  var editDirectory: Edit = { $0 }
  var version: UInt64 = 1

  struct Part {
    var chain = ChainFixture.grant
    var grants: [GrantFixture]
    /// What the directory says.
    var count: UInt64?
    /// Changes the common terms.
    var editTerms: Edit = { $0 }
    /// Changes a record.
    var editRecord: @Sendable (_ index: Int, _ record: [UInt8]) -> [UInt8] = { _, record in record }
  }

  /// One part with grants of devices that are called by numbers.
  init(devices numbers: Range<Int> = 0..<3) {
    parts = [Part(grants: numbers.map(Self.grant))]
    parts[0].grants.sort { $0.terms.deviceID.lexicographicallyPrecedes($1.terms.deviceID) }
  }

  static func id(_ number: Int) -> [UInt8] { bytes(named: "device \(number)") }

  static func grant(_ number: Int) -> GrantFixture {
    var grant = GrantFixture.vector
    grant.terms.deviceID = id(number)
    return grant
  }

  /// Device id, grant-key thumbprint, sequence number, ek, ciphertext, signature.
  static func record(_ grant: GrantFixture) throws -> [UInt8] {
    let wrapped = try Fixed.wrap(
      terms: grant.terms.encoded(), contentKey: grant.contentKey, recipient: grant.recipient.publicKey)
    return grant.terms.deviceID + grant.terms.grantKeyThumbprint + Self.bigEndian(grant.terms.sequence)
      + wrapped[11..<43] + wrapped.suffix(48) + (try grant.file().suffix(64))
  }

  func file() throws -> [UInt8] {
    var buckets: [[UInt8]] = []
    for part in parts {
      let records = try part.grants.enumerated().map { part.editRecord($0, try Self.record($1)) }
      for start in stride(from: 0, to: records.count, by: 64) {
        buckets.append(Array(records[start..<min(start + 64, records.count)].joined()))
      }
    }
    buckets = editBuckets(buckets)
    let content = Self.label + buckets.flatMap { [UInt8].item($0) }
    let directory = editDirectory(try directory(buckets))
    let offset = Self.bigEndian(UInt64(content.count))
    return content + directory + .item(offset + (try digest(directory + offset)))
  }

  static let label = RawMap.item { FileLabel.bundle.encode(to: &$0) }

  private func directory(_ buckets: [[UInt8]]) throws -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(3)
    encoder.encode(unsigned: version)
    encoder.beginArray(parts.count)
    for part in parts {
      encoder.beginArray(3)
      encoder.encode(unsigned: part.count ?? UInt64(part.grants.count))
      encoder.encode(encoded: part.editTerms(part.grants[0].terms.common.encoded()))
      encoder.encode(encoded: try part.chain.encoded())
    }
    var entries: [UInt8] = []
    for bucket in buckets { entries += bucket.prefix(32) + (try digest(bucket)) }
    encoder.encode(bytes: editEntries(entries))
    return encoder.bytes
  }

  private static func bigEndian(_ number: UInt64) -> [UInt8] {
    stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
  }
}

/// SPEC 5.1: bundles, of which a device's grants are taken out.
extension Catalogue {
  private mutating func add(
    _ name: String, _ refused: ErrorClass?, _ comment: String, at place: Place? = nil,
    _ bundle: BundleFixture = BundleFixture(), device: Int = 1, extract: [GrantFixture]? = nil, edit: Edit = { $0 }
  ) throws {
    var vector = Vector(.bundle, Self.expectation(refused), comment)
    vector.object = edit(try bundle.file())
    vector.add("device", hex(BundleFixture.id(device)))
    if refused == nil {
      for grant in extract ?? [BundleFixture.grant(device)] {
        vector.add("extract", hex(try digest(grant.file())))
      }
    }
    try add(name, vector, Settings(), at: place)
  }

  private static func changed(_ change: (inout BundleFixture) -> Void) -> BundleFixture {
    var bundle = BundleFixture()
    change(&bundle)
    return bundle
  }

  mutating func addBundles() throws {
    try add("plain", nil, "a bundle of three grants, as it should be")
    try add("no-grant", nil, "5.1 step 4: a device that has none in it", device: 9, extract: [])
    try add("two-buckets", nil, "5.1 step 4: 65 grants, in two buckets", BundleFixture(devices: 0..<65), device: 64)
    var bundle = BundleFixture()
    var other = BundleFixture.grant(1)
    other.terms.module = testName("com.acme.other")
    other.terms.features = [1, 2, 3]
    bundle.parts.append(.init(grants: [other]))
    try add("two-parts", nil, "5.1: a grant in each part", bundle, extract: [BundleFixture.grant(1), other])
    try addTrailers()
    try addDirectories()
    try addBuckets()
  }

  // MARK: Steps 1 and 2

  private mutating func addTrailers() throws {
    let file = try BundleFixture().file()
    let trailer = file.count - 42
    let directory = 12 + 3 + 3 * 216
    try add(
      "label-of-a-package", .malformed, "step 1: the label is another", at: .start,
      edit: { $0[..<7] + [0x50] + $0[8...] })
    try add("label-only", .sizeMismatch, "step 1: nothing behind the label", at: .byte(12), edit: { $0[..<12] + [] })
    try add(
      "cut-off", .sizeMismatch, "step 1: the last byte is missing", at: .byte(trailer - 1), edit: { $0.dropLast() })
    try add(
      "trailing-byte", .sizeMismatch, "step 1: a byte behind the trailer", at: .byte(trailer + 1), edit: { $0 + [0] })
    try add(
      "trailer-as-text", .sizeMismatch, "step 1: the trailer is bytes", at: .byte(trailer),
      edit: { $0[..<trailer] + [0x78] + $0[(trailer + 1)...] })
    try add(
      "offset-0", .sizeMismatch, "step 1: the directory begins within the label", at: .byte(trailer),
      edit: {
        $0[..<(trailer + 2)] + [UInt8](repeating: 0, count: 8) + $0[(trailer + 10)...]
      })
    try add(
      "offset-2-64-less-1", .sizeMismatch, "step 1: the directory begins behind the file", at: .byte(trailer),
      edit: {
        $0[..<(trailer + 2)] + [UInt8](repeating: 0xff, count: 8) + $0[(trailer + 10)...]
      })
    try add(
      "other-digest", .digestMismatch, "step 2: the directory's digest is another", at: .byte(directory),
      edit: {
        $0.dropLast() + [($0.last ?? 0) ^ 1]
      })
    try add(
      "other-directory", .digestMismatch, "step 2: a byte of the directory is another", at: .byte(directory),
      edit: { bytes in
        bytes[..<(trailer - 1)] + [bytes[trailer - 1] ^ 1] + bytes[trailer...]
      })
  }

  // MARK: Step 3

  private mutating func addDirectories() throws {
    let directory = 12 + 3 + 3 * 216
    try add(
      "version-2", .unsupportedVersion, "16: a version to come", at: .byte(directory), Self.changed { $0.version = 2 })
    try add(
      "directory-with-more", .malformed, "step 3: a byte follows the directory",
      at: .byte(try BundleFixture().file().count - 42),
      Self.changed { $0.editDirectory = { $0 + [0] } })
    try add(
      "directory-of-four", .malformed, "5.1: a directory has three items", at: .byte(directory),
      Self.changed { $0.editDirectory = { [0x84] + $0.dropFirst() + [0] } })
    try add(
      "no-parts", .malformed, "5.1: a part at least", at: .byte(directory + 2),
      Self.changed { $0.editDirectory = { _ in [0x83, 1, 0x80, 0x40] } })
    try add(
      "count-0", .malformed, "5.1: a part has a grant at least", at: .byte(directory + 4),
      Self.changed { $0.parts[0].count = 0 })
    try add(
      "count-of-more-buckets", .malformed, "step 3: an entry is missing", at: .foundLast([0x58, 64]),
      Self.changed { $0.parts[0].count = 65 })
    try add(
      "count-2-63", .limitExceeded, "11: counts are below 2^63", at: .byte(directory + 4),
      Self.changed { $0.parts[0].count = 1 << 63 })
    try add(
      "count-2-63-less-1", .malformed, "step 3: entries are missing", at: .foundLast([0x58, 64]),
      Self.changed { $0.parts[0].count = 1 << 63 - 1 })
    try add(
      "count-of-less", .sizeMismatch, "step 3: the buckets end before the directory begins", at: .byte(directory),
      Self.changed { $0.parts[0].count = 2 })
    try add(
      "entry-of-63-bytes", .malformed, "5.1: an entry has 64 bytes", at: .foundLast([0x58, 63]),
      Self.changed { $0.editEntries = { $0.dropLast() } })
    try add(
      "terms-of-a-device", .malformed, "5.1: the common terms are without the device's own",
      at: .found([0xa5, 2, 0x6e]),
      Self.changed { $0.parts[0].editTerms = editMap { $0.set(7, to: [5]) } })
    try add(
      "terms-without-module", .malformed, "5: the module is left out", at: .found([0xa3, 3, 7]),
      Self.changed { $0.parts[0].editTerms = editMap { $0.remove(2) } })
    var disorder = BundleFixture(devices: 0..<65)
    disorder.editEntries = { Array($0[64...] + $0[..<64]) }
    try add("entries-out-of-order", .malformed, "step 3: entries ascend", at: .foundLast([0x58, 128]), disorder)
  }

  // MARK: Steps 4 and 5

  private mutating func addBuckets() throws {
    try add(
      "bucket-head", .sizeMismatch, "step 4: the bucket's head gives another size", at: .byte(12),
      edit: { $0[..<14] + [$0[14] ^ 1] + $0[15...] })
    try add(
      "record-changed", .digestMismatch, "step 4: a byte of a record is another", at: .byte(12),
      edit: { $0[..<300] + [$0[300] ^ 1] + $0[301...] })
    try add(
      "records-out-of-order", .malformed, "step 4: records ascend", at: .byte(12),
      Self.changed { bundle in
        bundle.editBuckets = { $0.map { Array($0[..<216] + $0[432...] + $0[216..<432]) } }
      })
    try add(
      "record-twice", .malformed, "step 4: no device twice", at: .byte(12),
      Self.changed { bundle in
        bundle.editBuckets = { $0.map { Array($0[..<432] + $0[216..<432]) } }
      })
    try add(
      "other-first-device", .malformed, "step 4: the bucket begins with the device that the directory says",
      at: .byte(12),
      Self.changed { bundle in
        bundle.editEntries = { [UInt8](repeating: 0, count: 32) + $0[32...] }
      })
    try add(
      "sequence-2-63", .malformed, "11: sequence numbers are below 2^63", at: .byte(12),
      Self.changed { bundle in
        bundle.parts[0].editRecord = { index, record in
          index == 1 ? Array(record[..<64] + [0x80] + record[65...]) : record
        }
      })
    try add(
      "forged-record", .signatureInvalid, "step 5: a record of somebody else's, the digests made anew",
      Self.changed { bundle in
        bundle.parts[0].editRecord = { index, record in
          index == 1 ? Array(record[..<71] + [9] + record[72...]) : record
        }
      })
    try add(
      "other-terms", .signatureInvalid, "step 5: the common terms are others, the digests made anew",
      Self.changed { bundle in
        bundle.parts[0].editTerms = editMap { $0.set(3, to: [8]) }
      })
    var chain = BundleFixture()
    chain.parts[0].chain = .module
    try add("chain-for-modules", .roleMismatch, "3.4 step 4: the chain may not sign grants", chain)
    var root = BundleFixture()
    root.parts[0].chain.root = .stranger
    try add("unknown-root", .untrustedRoot, "3.4 step 1: the root isn't trusted", root)
  }
}
