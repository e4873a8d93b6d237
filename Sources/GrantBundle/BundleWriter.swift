import Cryptography
import ErrorClass
public import HostSupport
public import HuskFormat

extension GrantSpool {
  /// Sorts what is in the spool into a bundle, in constant memory but for 64 bytes for each bucket.
  ///
  /// - Parameters:
  ///   - parts: how many of the records, in their order, belong to which series. All are in the spool.
  ///   - replaces: which file of this name may be replaced.
  public borrowing func publish(
    _ parts: [(series: GrantSeries, count: UInt64)], to path: String, replaces: Replacement
  ) throws(ObjectFileError) {
    let output = try filing { () throws(FileError) in try OutputFile(path, mode: 0o644, replaces: replaces) }
    var writer = BufferedOutput(output)
    try filing { () throws(FileError) in try writer.write(BundleLayout.label) }
    var entries: [UInt8] = []
    var start: UInt64 = 0
    for part in parts {
      try writeBuckets(start..<(start + part.count), to: &writer, &entries)
      start += part.count
    }
    do {
      let directory = try BundleDirectory(parts, entries: entries)
      let encoded = directory.encoded()
      let trailer = try BundleLayout.trailer(
        directory: encoded, at: BundleLayout.directoryOffset(directory.parts))
      try writer.write(encoded)
      try writer.write(trailer)
      try writer.publish()
    } catch let error as FormatError {
      throw .format(path: path, error)
    } catch let error as FileError {
      throw .file(error)
    } catch {
      throw ObjectFileError(path, .internal, in: .bundle)
    }
  }

  private borrowing func writeBuckets(
    _ records: Range<UInt64>, to writer: inout BufferedOutput, _ entries: inout [UInt8]
  ) throws(ObjectFileError) {
    var merge = try filing { () throws(FileError) in try RunMerge(self, records: records) }
    var left = records.upperBound - records.lowerBound
    var bucket: [UInt8] = []
    bucket.reserveCapacity(BundleLayout.recordsPerBucket * GrantRecord.size)
    while left > 0 {
      let count = Int(min(left, UInt64(BundleLayout.recordsPerBucket)))
      bucket.removeAll(keepingCapacity: true)
      for _ in 0..<count {
        guard let record = try filing({ () throws(FileError) in try merge.next(self) }) else { break }
        bucket += record
      }
      guard let digest = try? SHA256.hash(bucket.span.bytes) else {
        throw ObjectFileError(writer.path, .internal, in: .bundle)
      }
      entries += bucket.prefix(32)
      entries += digest
      try filing { () throws(FileError) in
        try writer.write(BundleLayout.bucketHead(count))
        try writer.write(bucket)
      }
      left -= UInt64(count)
    }
  }
}

/// A file in the making that is written in larger pieces than it is made of.
private struct BufferedOutput: ~Copyable {
  private let file: OutputFile
  private var pending: [UInt8] = []

  private static let size = 1 << 20

  init(_ file: consuming OutputFile) {
    self.file = file
  }

  var path: String { file.path }

  mutating func write(_ bytes: [UInt8]) throws(FileError) {
    pending += bytes
    if pending.count >= Self.size { try flush() }
  }

  private mutating func flush() throws(FileError) {
    try file.write(pending.span.bytes)
    pending.removeAll(keepingCapacity: true)
  }

  consuming func publish() throws(FileError) {
    try file.write(pending.span.bytes)
    try file.publish()
  }
}
