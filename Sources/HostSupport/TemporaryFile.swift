import CHost
import CLinux
import Glibc

/// A file under a temporary name, which goes away with this value, or when SIGINT, SIGTERM or SIGHUP ends the process.
struct TemporaryFile: ~Copyable {
  let descriptor: Int32
  private let name: UnsafeMutablePointer<CChar>
  private let slot: Int32
  private var hasFinalName = false

  /// Makes an empty file, mode 0600, beside `path`.
  init(beside path: String) throws(FileError) {
    let characters = temporaryNamePattern(beside: path)
    let name = UnsafeMutablePointer<CChar>.allocate(capacity: characters.count)
    name.initialize(from: characters, count: characters.count)
    var slot: Int32 = -1
    descriptor = host_create_temporary(name, &slot)
    guard descriptor >= 0 else {
      let code = linux_errno()
      name.deallocate()
      throw code == ENOENT ? FileError(path, .noSuchDirectory) : FileError(path: path, errno: code)
    }
    self.name = name
    self.slot = slot
  }

  var path: String { String(cString: name) }

  /// Gives the file its final name.
  consuming func rename(to path: String, replaces: Bool) throws(FileError) {
    let result = replaces ? Glibc.rename(name, path) : host_rename_without_replacing(name, path)
    guard result == 0 else { throw FileError(path: path, errno: linux_errno()) }
    hasFinalName = true
  }

  deinit {
    if !hasFinalName { unlink(name) }
    host_keep_on_signal(slot)
    name.deallocate()
    close(descriptor)
  }
}

/// Renames unless the new name exists; throws `alreadyExists`.
public func renameWithoutReplacing(_ old: String, to new: String) throws(FileError) {
  guard host_rename_without_replacing(old, new) == 0 else { throw FileError(path: new, errno: linux_errno()) }
}
