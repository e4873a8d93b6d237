import CBOR
import COSE
import Cryptography
import ErrorClass
public import HostSupport
public import HuskFormat

/// A bundle that is open: its directory is in memory, its grants stay in the file (SPEC 5.1).
public struct BundleReader: ~Copyable {
  public let directory: BundleDirectory
  private let file: InputFile
  /// Where each part's first bucket begins.
  private let offsets: [UInt64]

  /// A grant of a bundle.
  public struct Entry: Sendable {
    public let series: GrantSeries
    public let record: GrantRecord

    /// The grant file, byte by byte as it would have been issued alone: ``GrantSeries/checkedFile(_:)``.
    public func checkedFile() throws(FormatError) -> [UInt8] { try series.checkedFile(record) }
  }

  /// Reads the directory; throws what steps 1 to 3 of SPEC 5.1 say of a file that isn't a whole bundle.
  public init(_ path: String) throws(ObjectFileError) {
    let file = try filing { () throws(FileError) in try InputFile(path) }
    guard let size = file.size else { throw .file(FileError(path, .notRegularFile)) }
    let label = try Self.read(file, at: 0, count: min(size, UInt64(FileLabel.sequenceLabelSize)))
    guard FileLabel.detect(label) == .bundle else { throw ObjectFileError(path, .malformed, in: .label, at: 0) }
    let trailer = try Trailer(Self.readTrailer(file, size: size), path: path, size: size)
    let bytes = try Self.read(file, at: trailer.offset, count: trailer.directorySize)
    let directory: BundleDirectory
    do {
      guard try BundleLayout.digest(directory: bytes, trailer.offsetBytes) == trailer.digest else {
        throw FormatError(.digestMismatch, in: .bundle, at: 0)
      }
      directory = try BundleDirectory(encoded: bytes)
      guard BundleLayout.directoryOffset(directory.parts) == trailer.offset else {
        throw FormatError(.sizeMismatch, in: .bundle, at: 0)
      }
    } catch let error as FormatError {
      throw .format(path: path, error.moved(by: Int(clamping: trailer.offset)))
    } catch {
      throw ObjectFileError(path, .internal, in: .bundle)
    }
    var offset = UInt64(FileLabel.sequenceLabelSize)
    offsets = directory.parts.map { part in
      defer { offset += BundleLayout.size(of: part) }
      return offset
    }
    self.directory = directory
    self.file = file
  }

  public var path: String { file.path }

  /// A device's grants: at most one from each part. Nothing in them is verified.
  ///
  /// - Parameter device: its id, 32 bytes.
  public borrowing func grants(of device: [UInt8]) throws(ObjectFileError) -> [Entry] {
    var found: [Entry] = []
    for index in directory.parts.indices {
      let part = directory.parts[index]
      guard let bucket = directory.bucket(of: device, in: part) else { continue }
      for record in try records(ofBucket: bucket, inPart: index) where record.deviceID.elementsEqual(device) {
        found.append(Entry(series: part.series, record: record))
      }
    }
    return found
  }

  /// The records of a bucket, in the order of their devices, which was checked, and after the bucket before.
  public borrowing func records(ofBucket bucket: Int, inPart index: Int) throws(ObjectFileError) -> [GrantRecord] {
    let part = directory.parts[index]
    let count = directory.recordCount(of: bucket, in: part)
    let start =
      offsets[index] + UInt64(bucket - part.buckets.lowerBound) * BundleLayout.bucketSize(BundleLayout.recordsPerBucket)
    let bytes = try Self.read(file, at: start, count: BundleLayout.bucketSize(count))
    let place = Int(clamping: start)
    let head = BundleLayout.bucketHead(count)
    guard bytes.count == head.count + count * GrantRecord.size, bytes.starts(with: head) else {
      throw ObjectFileError(path, .sizeMismatch, in: .bundle, at: place)
    }
    let content = Array(bytes.dropFirst(head.count))
    guard let digest = try? SHA256.hash(content.span.bytes) else { throw ObjectFileError(path, .internal, in: .bundle) }
    guard directory.digest(of: bucket).elementsEqual(digest) else {
      throw ObjectFileError(path, .digestMismatch, in: .bundle, at: place)
    }
    var records: [GrantRecord] = []
    for start in stride(from: 0, to: content.count, by: GrantRecord.size) {
      guard let record = GrantRecord(content[start..<(start + GrantRecord.size)]),
        records.last.map({ precedes($0.deviceID, record.deviceID) })
          ?? record.deviceID.elementsEqual(directory.firstDevice(of: bucket))
      else { throw ObjectFileError(path, .malformed, in: .bundle, at: place) }
      records.append(record)
    }
    if let last = records.last, bucket + 1 < part.buckets.upperBound {
      guard precedes(last.deviceID, directory.firstDevice(of: bucket + 1)) else {
        throw ObjectFileError(path, .malformed, in: .bundle, at: place)
      }
    }
    return records
  }
}

extension BundleReader {
  private static func readTrailer(_ file: borrowing InputFile, size: UInt64) throws(ObjectFileError) -> [UInt8] {
    let smallest = UInt64(FileLabel.sequenceLabelSize + BundleLayout.trailerSize)
    guard size > smallest else {
      throw ObjectFileError(file.path, .sizeMismatch, in: .bundle, at: FileLabel.sequenceLabelSize)
    }
    return try read(file, at: size - UInt64(BundleLayout.trailerSize), count: UInt64(BundleLayout.trailerSize))
  }

  private static func read(
    _ file: borrowing InputFile, at offset: UInt64, count: UInt64
  ) throws(ObjectFileError) -> [UInt8] {
    // Every size was compared with the file's; one that has shrunk since is as if it had been cut off.
    let bytes = try filing { () throws(FileError) in try file.read(at: offset, upTo: Int(clamping: count)) }
    guard UInt64(bytes.count) == count else {
      throw ObjectFileError(file.path, .sizeMismatch, in: .bundle, at: Int(clamping: offset))
    }
    return bytes
  }

  /// What a bundle ends with.
  private struct Trailer {
    let offset: UInt64
    let offsetBytes: [UInt8]
    let digest: [UInt8]
    let directorySize: UInt64

    init(_ bytes: [UInt8], path: String, size: UInt64) throws(ObjectFileError) {
      let end = size - UInt64(BundleLayout.trailerSize)
      let place = Int(clamping: end)
      var reader = CBORReader(bytes)
      guard let content = try? reader.readBytes(count: BundleLayout.trailerContentSize), (try? reader.finish()) != nil
      else { throw ObjectFileError(path, .sizeMismatch, in: .bundle, at: place) }
      offsetBytes = Array(content.prefix(8))
      digest = Array(content.dropFirst(8))
      offset = offsetBytes.reduce(0) { $0 << 8 | UInt64($1) }
      guard offset > UInt64(FileLabel.sequenceLabelSize), offset < end else {
        throw ObjectFileError(path, .sizeMismatch, in: .bundle, at: place)
      }
      directorySize = end - offset
      guard directorySize <= UInt64(Limits.bundleDirectory) else {
        throw ObjectFileError(path, .limitExceeded, in: .bundle, at: place)
      }
    }
  }
}
