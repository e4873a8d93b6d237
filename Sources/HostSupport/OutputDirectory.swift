import CLinux
import FoundationEssentials
import Glibc

/// A directory in the making: it appears under its name only when it is whole, or not at all.
public struct OutputDirectory: ~Copyable {
  public let path: String
  /// Where it is being made.
  public let temporaryPath: String
  private var hasFinalName = false

  /// - Parameter path: must not exist.
  public init(_ path: String) throws(FileError) {
    var path = path
    while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
    var status = stat()
    guard lstat(path, &status) != 0 else { throw FileError(path, .alreadyExists) }
    var characters = temporaryNamePattern(beside: path)
    guard mkdtemp(&characters) != nil else {
      let code = linux_errno()
      throw code == ENOENT ? FileError(path, .noSuchDirectory) : FileError(path: path, errno: code)
    }
    self.path = path
    temporaryPath = characters.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }

  /// Makes a directory inside; the permissions hold whatever the umask.
  public borrowing func makeDirectory(_ name: String, mode: UInt32) throws(FileError) {
    let folder = "\(temporaryPath)/\(name)"
    guard mkdir(folder, mode) == 0, chmod(folder, mode) == 0 else { throw FileError(path: path, errno: linux_errno()) }
  }

  /// Gives the directory its name, and these permissions.
  public consuming func publish(mode: UInt32) throws(FileError) {
    guard chmod(temporaryPath, mode) == 0 else { throw FileError(path: path, errno: linux_errno()) }
    try renameWithoutReplacing(temporaryPath, to: path)
    hasFinalName = true
    try flushDirectory(of: path)
  }

  deinit {
    if !hasFinalName { try? FileManager.default.removeItem(atPath: temporaryPath) }
  }
}
