import CLinux
public import HuskFormat

/// Which file may give way to a new one of its name. Devices and links never do: that is never what was meant.
public enum Replacement: Equatable, Sendable {
  case nothing
  /// A Husk file of this kind: a slip of the pen must not cost anybody a key or a vault.
  case file(FileLabel)
  case anyFile
}

/// A file in the making: it appears under its name only when it is whole and on disk, or not at all.
///
/// It is written under a temporary name in the same directory, and goes away with this value, or when a signal ends the
/// process, unless ``publish()`` was called.
public struct OutputFile: ~Copyable {
  public let path: String
  private let temporary: TemporaryFile
  private let replaces: Replacement

  /// - Parameters:
  ///   - mode: the permissions, such as 0o600.
  ///   - replaces: which file of this name may be replaced.
  public init(_ path: String, mode: UInt32, replaces: Replacement = .nothing) throws(FileError) {
    try Self.check(path, replaces: replaces)
    let temporary = try TemporaryFile(beside: path)
    guard fchmod(temporary.descriptor, mode) == 0 else { throw FileError(path: path, errno: linux_errno()) }
    self.path = path
    self.replaces = replaces
    self.temporary = temporary
  }

  /// Fails early where ``init(_:mode:replaces:)`` or ``publish()`` would fail: before passwords are asked for, or work
  /// is done.
  public static func check(_ path: String, replaces: Replacement = .nothing) throws(FileError) {
    guard !path.isEmpty, path.utf8.last != UInt8(ascii: "/") else { throw FileError(path, .isDirectory) }
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if isKind(status, S_IFDIR) { throw FileError(path, .isDirectory) }
    if replaces == .nothing { throw FileError(path, .alreadyExists) }
    if !isKind(status, S_IFREG) { throw FileError(path, .notRegularFile) }
    if case .file(let label) = replaces {
      let beginning = try InputFile(path).read(upTo: FileLabel.sequenceLabelSize)
      guard FileLabel.detect(beginning) == label else { throw FileError(path, .otherKind(than: label)) }
    }
  }

  /// Where it is being written, for a library that takes a path.
  public var temporaryPath: String { temporary.path }

  public borrowing func write(_ bytes: RawSpan) throws(FileError) {
    let failed = bytes.withUnsafeBytes { linux_write_all(temporary.descriptor, $0.baseAddress, $0.count) != 0 }
    if failed { throw FileError(path: path, errno: linux_errno()) }
  }

  /// Makes sure that everything written is on disk. What can fail for want of space has failed then.
  public borrowing func flush() throws(FileError) {
    guard fsync(temporary.descriptor) == 0 else { throw FileError(path: path, errno: linux_errno()) }
  }

  /// Gives the file its name.
  public consuming func publish() throws(FileError) {
    try flush()
    try temporary.rename(to: path, replaces: replaces != .nothing)
    try flushDirectory(of: path)
  }
}

/// Output that is complete but not out yet.
public enum PreparedOutput: ~Copyable {
  case standardOutput([[UInt8]])
  case file(OutputFile)

  /// Puts pieces safely beside the place where they will go; for `-` keeps them.
  public init(
    _ path: String, _ pieces: [[UInt8]], mode: UInt32 = 0o644, replaces: Replacement = .nothing
  ) throws(FileError) {
    if path == "-" {
      self = .standardOutput(pieces)
      return
    }
    let file = try OutputFile(path, mode: mode, replaces: replaces)
    for piece in pieces { try file.write(piece.span.bytes) }
    try file.flush()
    self = .file(file)
  }

  public consuming func publish() throws(FileError) {
    switch consume self {
    case .standardOutput(let pieces):
      for piece in pieces where linux_write_all(STDOUT_FILENO, piece, piece.count) != 0 {
        throw FileError(path: "standard output", errno: linux_errno())
      }
    case .file(let file): try file.publish()
    }
  }
}

/// Writes pieces to a file at once, or to standard output for `-`.
public func writeFile(
  _ path: String, _ pieces: [[UInt8]], mode: UInt32 = 0o644, replaces: Replacement = .nothing
) throws(FileError) {
  try checkOutput(path, replaces: replaces)
  try PreparedOutput(path, pieces, mode: mode, replaces: replaces).publish()
}

/// Fails early where writing would, and where binary output would go to a terminal.
public func checkOutput(_ path: String, replaces: Replacement = .nothing) throws(FileError) {
  if path == "-" {
    if isatty(STDOUT_FILENO) == 1 { throw FileError("standard output", .wouldGarbleTerminal) }
  } else {
    try OutputFile.check(path, replaces: replaces)
  }
}

/// The directory of a path (`.` if it names none) and the last component.
func splitPath(_ path: String) -> (directory: String, name: String) {
  guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
  let directory = String(path[..<slash])
  return (directory.isEmpty ? "/" : directory, String(path[path.utf8.index(after: slash)...]))
}

/// Makes sure that the directory's entry for a path is on disk.
public func flushDirectory(of path: String) throws(FileError) {
  let directory = linux_open_directory(splitPath(path).directory)
  guard directory >= 0 else { throw FileError(path: path, errno: linux_errno()) }
  defer { close(directory) }
  // Some file systems can't do it for directories, which then need it the least.
  guard fsync(directory) == 0 || linux_errno() == EINVAL else { throw FileError(path: path, errno: linux_errno()) }
}
