import CLinux

/// Removes a file that this process made; one that is gone already is fine.
public func removeFile(_ path: String) {
  unlink(path)
}
