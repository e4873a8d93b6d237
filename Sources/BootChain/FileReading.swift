import CLinux

/// Reads exactly `count` bytes of a file at `offset`; nil if they aren't there or can't be read.
public func readFile(_ file: Int32, at offset: UInt64, count: Int) -> [UInt8]? {
  var isComplete = false
  let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
    let read = linux_pread_all(file, buffer.baseAddress, count, offset)
    used = max(read, 0)
    isComplete = read == count
  }
  return isComplete ? bytes : nil
}
