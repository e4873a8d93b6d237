import BootChain
import CLinux
import ErrorClass
import HuskFormat

// Files that clients pass: read once, with pread, never mapped (SPEC 9.1).

/// The size of a client's file in bytes; throws `io` if it isn't a regular one.
func regularFileSize(_ file: Int32) throws(ErrorClass) -> UInt64 {
  let size = linux_regular_file_size(file)
  guard size >= 0 else { throw .io }
  return UInt64(size)
}

private func contents(of file: Int32, atMost limit: Int) throws(ErrorClass) -> [UInt8] {
  let size = try regularFileSize(file)
  guard size <= UInt64(limit) else { throw .limitExceeded }
  guard let bytes = readFile(file, at: 0, count: Int(size)) else { throw .io }
  return bytes
}

extension GrantFile {
  /// - Parameter file: stays the caller's.
  static func read(_ file: Int32) throws(ErrorClass) -> (file: GrantFile, bytes: [UInt8]) {
    let bytes = try contents(of: file, atMost: Limits.grant)
    do throws(FormatError) {
      return (try GrantFile(bytes), bytes)
    } catch {
      throw error.errorClass
    }
  }
}

extension StatusListFile {
  /// - Parameter file: stays the caller's.
  static func read(_ file: Int32) throws(ErrorClass) -> [UInt8] {
    try contents(of: file, atMost: Limits.statusList)
  }
}
