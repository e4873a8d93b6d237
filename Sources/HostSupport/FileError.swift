import Glibc
public import HuskFormat

/// Why a file could not be read or written.
public struct FileError: Error, Equatable, Sendable {
  /// As the user gave it, `-` for standard input; or `standard output`.
  public let path: String
  public let reason: Reason

  public enum Reason: Equatable, Sendable {
    case notFound
    /// The directory that the file is to be written to doesn't exist.
    case noSuchDirectory
    case isDirectory
    case notDirectory
    /// A device, socket or pipe where a file is needed.
    case notRegularFile
    case empty
    /// It has more bytes than any file of its kind.
    case tooLarge(limit: Int)
    case permissionDenied
    case readOnlyFileSystem
    /// It exists and must not be replaced.
    case alreadyExists
    /// It exists, and only a file of this kind may be replaced.
    case otherKind(than: FileLabel)
    case diskFull
    /// Binary output would go to a terminal.
    case wouldGarbleTerminal
    /// Any other errno.
    case system(Int32)
  }

  public init(_ path: String, _ reason: Reason) {
    self.path = path
    self.reason = reason
  }

  /// What the current errno means for an operation on `path`.
  public init(path: String, errno code: Int32) {
    self.path = path
    reason =
      switch code {
      case ENOENT: .notFound
      case EISDIR: .isDirectory
      case ENOTDIR: .notDirectory
      case EACCES, EPERM: .permissionDenied
      case EROFS: .readOnlyFileSystem
      case EEXIST: .alreadyExists
      case ENOSPC, EDQUOT: .diskFull
      default: .system(code)
      }
  }
}
