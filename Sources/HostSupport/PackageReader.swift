import ErrorClass
public import HuskFormat

/// A package that is read from its beginning to its end: first its signed front, then the payload piece by piece.
public struct PackageReader: ~Copyable {
  public let front: PackageFront
  /// Everything before the payload.
  public let head: [UInt8]
  private let file: InputFile
  /// Payload that was read together with the front.
  private var pending: ArraySlice<UInt8>
  private var remaining: UInt64

  /// Parses the front; throws `malformed` if the label is another.
  public init(_ labelled: consuming LabelledFile) throws(ObjectFileError) {
    let bytes = try Self.readFront(labelled)
    do throws(FormatError) {
      front = try PackageFront(bytes)
    } catch {
      throw .format(path: labelled.path, error)
    }
    // The front parsed, so it ends within what was read.
    head = Array(bytes.prefix(Int(clamping: front.payloadOffset)))
    pending = bytes[head.count...]
    remaining = front.declaredPayloadSize
    file = labelled.file
  }

  public var path: String { file.path }

  /// The file's size; of a pipe the one that it has if it ends where the payload should.
  public var size: UInt64 {
    if let size = file.size { return size }
    let (size, overflow) = front.payloadOffset.addingReportingOverflow(front.declaredPayloadSize)
    return overflow ? .max : size
  }

  /// The next `count` bytes of the payload; throws `sizeMismatch` if the file ends before.
  public mutating func readPayload(_ count: Int) throws(ObjectFileError) -> [UInt8] {
    var bytes = Array(pending.prefix(count))
    pending = pending.dropFirst(count)
    if bytes.count < count {
      bytes += try filing { () throws(FileError) in try file.read(upTo: count - bytes.count) }
    }
    guard bytes.count == count else { throw ObjectFileError(path, .sizeMismatch, in: .payload) }
    remaining -= min(remaining, UInt64(count))
    return bytes
  }

  /// Copies the whole package to a file, which it may replace; throws `sizeMismatch` if it isn't whole.
  public consuming func copy(to path: String) throws(ObjectFileError) {
    let output = try filing { () throws(FileError) in try OutputFile(path, mode: 0o644, replaces: .anyFile) }
    try filing { () throws(FileError) in try output.write(head.span.bytes) }
    while remaining > 0 {
      let piece = try readPayload(Int(clamping: min(remaining, 1 << 20)))
      try filing { () throws(FileError) in try output.write(piece.span.bytes) }
    }
    try finish()
    do throws(FileError) {
      try output.publish()
    } catch {
      throw .file(error)
    }
  }

  /// Throws `sizeMismatch` if anything follows the payload.
  public func finish() throws(ObjectFileError) {
    let rest = try filing { () throws(FileError) in try file.read(upTo: 1) }
    guard pending.isEmpty, rest.isEmpty else { throw ObjectFileError(path, .sizeMismatch, in: .payload) }
  }

  private static func readFront(_ labelled: borrowing LabelledFile) throws(ObjectFileError) -> [UInt8] {
    let size: Int
    do throws(FormatError) {
      size = try PackageFront.size(fromPrefix: labelled.prefix)
    } catch {
      throw .format(path: labelled.path, error)
    }
    return try filing { () throws(FileError) in try labelled.readBeginning(upTo: size) }
  }
}
