import CLinux

/// Removes a file that this process made; one that is gone already is fine.
public func removeFile(_ path: String) {
  unlink(path)
}

/// The size of a regular file in bytes; nil if there is none.
public func fileSize(_ path: String) -> UInt64? {
  var status = stat()
  guard stat(path, &status) == 0, isKind(status, S_IFREG) else { return nil }
  return UInt64(clamping: status.st_size)
}
