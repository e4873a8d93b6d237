public import ErrorClass
public import HuskFormat

/// Why a Husk file was refused.
public enum ObjectFileError: Error, Equatable, Sendable {
  case file(FileError)
  case format(path: String, FormatError)

  /// Of the whole thing, such as a package that isn't whole.
  public init(_ path: String, _ errorClass: ErrorClass, in part: FormatError.Part, at offset: Int? = nil) {
    self = .format(path: path, FormatError(errorClass, in: part, at: offset))
  }
}

/// Runs what reads or writes a file, with the error of who reads objects from it.
public func filing<Value: ~Copyable>(_ body: () throws(FileError) -> Value) throws(ObjectFileError) -> Value {
  do throws(FileError) {
    return try body()
  } catch {
    throw .file(error)
  }
}

/// A file that was opened, and what its label says it is (SPEC 1.2).
public struct LabelledFile: ~Copyable {
  /// Nil if it isn't one of Husk's files.
  public let label: FileLabel?
  let file: InputFile
  /// The first bytes.
  public let prefix: [UInt8]

  public init(_ path: String) throws(FileError) {
    let file = try InputFile(path)
    let prefix = try file.read(upTo: PackageFront.prefixSize)
    guard !prefix.isEmpty else { throw FileError(path, .empty) }
    self.file = file
    self.prefix = prefix
    label = FileLabel.detect(prefix)
  }

  public var path: String { file.path }

  /// In bytes; nil for what isn't a regular file (a pipe, say).
  public var size: UInt64? { file.size }

  /// The whole file; throws `tooLarge` beyond `limit` bytes.
  public borrowing func readAll(atMost limit: Int) throws(FileError) -> [UInt8] {
    let bytes = try readBeginning(upTo: limit + 1)
    guard bytes.count <= limit else { throw FileError(path, .tooLarge(limit: limit)) }
    return bytes
  }

  /// The file's first `count` bytes, or all if it has fewer. To be called once.
  public borrowing func readBeginning(upTo count: Int) throws(FileError) -> [UInt8] {
    prefix + (try file.read(upTo: max(count - prefix.count, 0)))
  }
}
