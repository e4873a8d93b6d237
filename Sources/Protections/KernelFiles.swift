import CLinux

/// What the kernel says of itself in `/proc`, `/sys` and `/dev`.
struct KernelFiles {
  /// The root of the file system, as a directory.
  let root: Int32

  /// Whether a path exists.
  func exists(_ path: KernelPath) throws(UnknownReason) -> Bool {
    switch path.withCString({ linux_probe_exists(root, $0) }) {
    case 1: return true
    case 0: return false
    default: throw Self.reason(linux_errno())
    }
  }

  /// A file's contents without the newline at its end; nil if there is none.
  func text(_ path: KernelPath) throws(UnknownReason) -> [UInt8]? {
    var count = 0
    var text = [UInt8](unsafeUninitializedCapacity: Self.most) { buffer, used in
      count = path.withCString { linux_probe_read(root, $0, buffer.baseAddress, buffer.count) }
      used = max(count, 0)
    }
    if count < 0 {
      let error = linux_errno()
      if error == ENOENT || error == ENOTDIR { return nil }
      throw Self.reason(error)
    }
    // What was cut off could be the line that matters.
    guard count < Self.most else { throw .unreadable }
    if text.last == UInt8(ascii: "\n") { text.removeLast() }
    return text
  }

  /// A setting below `/proc/sys`; nil if the kernel doesn't have it.
  func setting(_ path: StaticString) throws(UnknownReason) -> UInt64? {
    guard let text = try text(KernelPath(path)) else {
      try requireProc()
      return nil
    }
    guard let value = decimal(text[...]) else { throw .unreadable }
    return value
  }

  /// Whether one byte of a file can be read.
  func isReadable(_ path: KernelPath, at offset: UInt64) throws(UnknownReason) -> Bool {
    switch path.withCString({ linux_probe_byte(root, $0, offset) }) {
    case 0: return true
    case EPERM: return false
    case let error: throw Self.reason(error)
    }
  }

  /// Throws if `/proc` isn't there, so that a file missing from it says nothing.
  func requireProc() throws(UnknownReason) {
    guard try exists(KernelPath("proc/self/mountinfo")) else { throw .noSource }
  }

  /// The same of `/sys`.
  func requireSys() throws(UnknownReason) {
    guard try exists(KernelPath("sys/class")) else { throw .noSource }
  }

  private static func reason(_ error: Int32) -> UnknownReason {
    error == EACCES || error == EPERM ? .noPermission : .unreadable
  }

  /// More than any of these files has where it is understood.
  private static let most = 1 << 18
}

/// A path below the root, put together from parts.
struct KernelPath {
  private var bytes: [UInt8] = []

  init(_ part: StaticString) {
    append(part)
  }

  func appending(_ part: StaticString) -> KernelPath {
    var path = self
    path.append(part)
    return path
  }

  func appending(_ part: some Sequence<UInt8>) -> KernelPath {
    var path = self
    path.bytes.append(contentsOf: part)
    return path
  }

  func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    let characters = bytes.map { CChar(bitPattern: $0) } + [0]
    return characters.withUnsafeBufferPointer { buffer in
      // Never empty: it ends in a NUL.
      buffer.baseAddress.map(body) ?? body("")
    }
  }

  private mutating func append(_ part: StaticString) {
    part.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }
}
