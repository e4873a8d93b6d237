import CBOR
import Cryptography
import ErrorClass
public import HuskFormat

/// What a bundle says about its buckets: enough to find a device's with one read (SPEC 5.1).
public struct BundleDirectory: Equatable, Sendable {
  /// Grants that share their terms and chain, in buckets of their own.
  public struct Part: Equatable, Sendable {
    public let series: GrantSeries
    /// Of its grants, 1 or more.
    public let count: UInt64
    /// The indices of its buckets.
    public let buckets: Range<Int>
  }

  public let parts: [Part]
  /// An entry of 64 bytes for each bucket.
  private let entries: [UInt8]

  /// - Parameters:
  ///   - counts: of each part's grants.
  ///   - entries: an entry for each bucket.
  ///   - place: of the entries in the directory, for errors.
  init(
    _ counts: [(series: GrantSeries, count: UInt64)], entries: [UInt8], at place: Int? = nil
  ) throws(FormatError) {
    guard counts.count <= Limits.bundleParts else { throw FormatError(.limitExceeded, in: .bundle) }
    var first = 0
    var parts: [Part] = []
    for (series, count) in counts {
      let (end, overflow) = first.addingReportingOverflow(try Self.bucketCount(count))
      guard !overflow else { throw FormatError(.malformed, in: .bundle, at: place) }
      parts.append(Part(series: series, count: count, buckets: first..<end))
      first = end
    }
    guard first == entries.count / BundleLayout.entrySize, entries.count % BundleLayout.entrySize == 0 else {
      throw FormatError(.malformed, in: .bundle, at: place)
    }
    self.parts = parts
    self.entries = entries
    for part in parts {
      for index in part.buckets.dropFirst() where !precedes(firstDevice(of: index - 1), firstDevice(of: index)) {
        throw FormatError(.malformed, in: .bundle, at: place)
      }
    }
  }

  /// How many grants there are.
  public var count: UInt64 { parts.reduce(0) { $0 + $1.count } }

  /// The id of the first device in a bucket.
  func firstDevice(of bucket: Int) -> ArraySlice<UInt8> { entry(bucket).prefix(32) }

  /// SHA-256 of a bucket's records.
  func digest(of bucket: Int) -> ArraySlice<UInt8> { entry(bucket).suffix(32) }

  private func entry(_ bucket: Int) -> ArraySlice<UInt8> {
    entries[(bucket * BundleLayout.entrySize)..<((bucket + 1) * BundleLayout.entrySize)]
  }

  /// The bucket of a part that holds a device's grant if any does.
  func bucket(of device: [UInt8], in part: Part) -> Int? {
    var low = part.buckets.lowerBound
    var high = part.buckets.upperBound
    while low < high {
      let middle = low + (high - low) / 2
      if precedes(device[...], firstDevice(of: middle)) { high = middle } else { low = middle + 1 }
    }
    return low > part.buckets.lowerBound ? low - 1 : nil
  }

  /// How many records a bucket has.
  func recordCount(of bucket: Int, in part: Part) -> Int {
    let before = UInt64(bucket - part.buckets.lowerBound) * UInt64(BundleLayout.recordsPerBucket)
    return Int(min(part.count - before, UInt64(BundleLayout.recordsPerBucket)))
  }

  private static func bucketCount(_ count: UInt64) throws(FormatError) -> Int {
    let size = UInt64(BundleLayout.recordsPerBucket)
    guard count >= 1, let buckets = Int(exactly: (count - 1) / size + 1) else {
      throw FormatError(.malformed, in: .bundle)
    }
    return buckets
  }
}

extension BundleDirectory {
  static let version: UInt64 = 1

  func encoded() -> [UInt8] {
    var encoder = CBOREncoder(capacity: entries.count + 1024)
    encoder.beginArray(3)
    encoder.encode(unsigned: Self.version)
    encoder.beginArray(parts.count)
    for part in parts {
      encoder.beginArray(3)
      encoder.encode(unsigned: part.count)
      part.series.terms.encode(to: &encoder)
      encoder.encode(encoded: part.series.chain)
    }
    encoder.encode(bytes: entries)
    return encoder.bytes
  }

  init(encoded bytes: [UInt8]) throws(FormatError) {
    var reader = CBORReader(bytes)
    try Self.reading { () throws(CBORError) in
      var ahead = reader
      try ahead.skipItem()
      try ahead.finish()
    }
    let itemCount = try Self.reading { () throws(CBORError) in try reader.readArrayHeader() }
    let version = try Self.reading { () throws(CBORError) in
      guard itemCount >= 1 else { throw CBORError(.outOfRange, at: 0) }
      return try reader.readUnsigned()
    }
    guard version == Self.version else { throw FormatError(.unsupportedVersion, in: .bundle, at: 0) }
    guard itemCount == 3 else { throw FormatError(.malformed, in: .bundle, at: 0) }
    let partsStart = reader.position
    let partCount = try Self.reading { () throws(CBORError) in try reader.readArrayHeader(atMost: Limits.bundleParts) }
    guard partCount >= 1 else { throw FormatError(.malformed, in: .bundle, at: partsStart) }
    var parts: [(series: GrantSeries, count: UInt64)] = []
    for _ in 0..<partCount { parts.append(try Self.readPart(&reader)) }
    let place = reader.position
    let entries = try Self.reading { () throws(CBORError) in
      let entries = try reader.readBytes()
      try reader.finish()
      return Array(entries)
    }
    self = try BundleDirectory(parts, entries: entries, at: place)
  }

  private static func readPart(
    _ reader: inout CBORReader
  ) throws(FormatError) -> (series: GrantSeries, count: UInt64) {
    let count = try reading { () throws(CBORError) in
      try reader.expectArray(of: 3)
      let start = reader.position
      let count = try reader.readCount()
      guard count >= 1 else { throw CBORError(.outOfRange, at: start) }
      return count
    }
    let terms = try CommonGrantTerms(&reader)
    let start = reader.position
    let chain = try reading { () throws(CBORError) in try Array(reader.skipItem()) }
    do throws(FormatError) {
      return (try GrantSeries(terms: terms, chain: chain), count)
    } catch {
      throw error.moved(by: start)
    }
  }

  private static func reading<Value>(_ body: () throws(CBORError) -> Value) throws(FormatError) -> Value {
    do throws(CBORError) {
      return try body()
    } catch {
      throw FormatError(error, in: .bundle)
    }
  }
}

/// The sizes that SPEC 5.1 fixes, in bytes where not said otherwise.
enum BundleLayout {
  static let recordsPerBucket = 64
  /// A device id and a digest.
  static let entrySize = 64
  /// An offset and a digest.
  static let trailerContentSize = 40
  /// With the head of the byte string.
  static let trailerSize = 42

  /// The head of the byte string that a bucket of so many records is.
  static func bucketHead(_ records: Int) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encode(bytesHead: UInt64(records * GrantRecord.size))
    return encoder.bytes
  }

  static var label: [UInt8] {
    var encoder = CBOREncoder()
    FileLabel.bundle.encode(to: &encoder)
    return encoder.bytes
  }

  /// Where the directory begins: its buckets are all full but the last of each part.
  static func directoryOffset(_ parts: [BundleDirectory.Part]) -> UInt64 {
    parts.reduce(UInt64(FileLabel.sequenceLabelSize)) { $0 + size(of: $1) }
  }

  /// Of all buckets of a part; 2^64 - 1 if it is larger than any file.
  static func size(of part: BundleDirectory.Part) -> UInt64 {
    let full = part.count / UInt64(recordsPerBucket)
    let rest = Int(part.count % UInt64(recordsPerBucket))
    return full * bucketSize(recordsPerBucket) + (rest > 0 ? bucketSize(rest) : 0)
  }

  static func bucketSize(_ records: Int) -> UInt64 {
    UInt64(bucketHead(records).count + records * GrantRecord.size)
  }

  /// The trailer of a bundle.
  static func trailer(directory: [UInt8], at offset: UInt64) throws(CryptographyError) -> [UInt8] {
    var encoder = CBOREncoder()
    let offset = bigEndian(offset)
    encoder.encode(bytes: offset + (try digest(directory: directory, offset)))
    return encoder.bytes
  }

  static func digest(directory: [UInt8], _ offset: [UInt8]) throws(CryptographyError) -> [UInt8] {
    var hash = try SHA256()
    try hash.update(directory.span.bytes)
    try hash.update(offset.span.bytes)
    return try hash.finalize()
  }

  private static func bigEndian(_ number: UInt64) -> [UInt8] {
    stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
  }
}

/// The order of device ids.
func precedes(_ one: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>) -> Bool {
  one.lexicographicallyPrecedes(other)
}
