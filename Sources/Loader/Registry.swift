import CLinux

/// What this library remembers for the whole process. Used only between `linux_lock` and `linux_unlock`.
enum Registry {
  /// A loaded module, and which of the protections that not every module gets it has.
  struct Object {
    /// linux_object_number's.
    let number: UInt
    let isLocked: Bool
    let isExecuteOnly: Bool
  }

  /// The modules that are loaded.
  nonisolated(unsafe) static var objects: [Object] = []

  nonisolated(unsafe) private static var loads: UInt32 = 0

  /// A path to a memory file that was never used before in this process, ending in a NUL.
  ///
  /// glibc matches loaded libraries by the very string, so a path that is used again gives the library of that time. The
  /// string tells the file's number, which the kernel doesn't use again for long, and how many loads there were, both in
  /// ways to write "the same directory": `.//` for a one, `./` for a zero. So it differs from every other path of this copy
  /// of the library, and of another copy in the same process.
  static func unusedPath(to file: Int32) -> [CChar] {
    loads &+= 1
    var path: [CChar] = []
    append("/proc/self/fd/", to: &path)
    let serial = UInt64(truncatingIfNeeded: linux_file_number(file)) << 32 | UInt64(loads)
    for bit in 0..<UInt64(64) { append(serial >> bit & 1 == 1 ? ".//" : "./", to: &path) }
    appendDecimal(file, to: &path)
    path.append(0)
    return path
  }

  private static func append(_ text: StaticString, to path: inout [CChar]) {
    text.withUTF8Buffer { path.append(contentsOf: $0.map { CChar(bitPattern: $0) }) }
  }

  private static func appendDecimal(_ number: Int32, to path: inout [CChar]) {
    if number >= 10 { appendDecimal(number / 10, to: &path) }
    path.append(CChar(truncatingIfNeeded: Int32(UInt8(ascii: "0")) + number % 10))
  }
}
