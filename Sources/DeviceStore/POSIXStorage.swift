import CLinux
public import ErrorClass

/// Storage in a directory of the file system. Nothing is reached through a symbolic link in place of a name.
public struct POSIXStorage: Storage, Sendable {
  /// The directory; it stays whoever opened it's. -1 where only handles are used that were opened elsewhere.
  public let root: Int32

  public init(root: Int32) {
    self.root = root
  }

  @inline(never)
  public func open(_ path: StoragePath, _ mode: StorageMode) throws(ErrorClass) -> Int32 {
    let file = path.withCString { linux_openat_file(root, $0, mode == .writing ? 1 : 0) }
    if file >= 0 { return file }
    let failure = storageFailure()
    // What can't be read isn't for want of writing.
    throw mode == .reading && failure == .readOnly ? .io : failure
  }

  public func close(_ file: Int32) {
    CLinux.close(file)
  }

  @inline(never)
  public func lock(_ path: StoragePath) throws(ErrorClass) -> Int32 {
    let file = path.withCString { linux_lock_at(root, $0) }
    guard file >= 0 else { throw linux_errno() == EWOULDBLOCK ? .inUse : storageFailure() }
    return file
  }

  @inline(never)
  public func size(of file: Int32) throws(ErrorClass) -> UInt64 {
    let size = linux_regular_file_size(file)
    guard size >= 0 else { throw storageFailure() }
    return UInt64(size)
  }

  @inline(never)
  public func read(_ file: Int32, at offset: UInt64, count: Int) throws(ErrorClass) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
      let read = linux_pread_all(file, buffer.baseAddress, count, offset)
      if read < 0 { failure = linux_errno() }
      used = max(read, 0)
    }
    guard failure == 0, bytes.count == count else { throw .io }
    return bytes
  }

  @inline(never)
  public func write(_ bytes: RawSpan, to file: Int32, at offset: UInt64) throws(ErrorClass) {
    let outcome = bytes.withUnsafeBytes { linux_pwrite_all(file, $0.baseAddress, $0.count, offset) }
    guard outcome == 0 else { throw storageFailure() }
  }

  @inline(never)
  public func resize(_ file: Int32, to size: UInt64) throws(ErrorClass) {
    guard let size = Int64(exactly: size), linux_resize(file, size) == 0 else { throw storageFailure() }
  }

  @inline(never)
  public func synchronize(_ file: Int32) throws(ErrorClass) {
    guard linux_synchronize(file) == 0 else { throw storageFailure() }
  }

  @inline(never)
  public func rename(_ path: StoragePath, to target: StoragePath) throws(ErrorClass) {
    let outcome = path.withCString { path in target.withCString { linux_rename_at(root, path, $0) } }
    guard outcome == 0 else { throw storageFailure() }
  }

  @inline(never)
  public func remove(_ path: StoragePath) throws(ErrorClass) {
    guard path.withCString({ linux_remove_at(root, $0) }) == 0 else { throw storageFailure() }
  }

  @inline(never)
  public func makeDirectory(_ path: StoragePath) throws(ErrorClass) {
    guard path.withCString({ linux_make_directory_at(root, $0) }) == 0 else { throw storageFailure() }
  }

  @inline(never)
  public func synchronizeDirectory(_ path: StoragePath) throws(ErrorClass) {
    guard path.withCString({ linux_synchronize_directory_at(root, $0) }) == 0 else { throw storageFailure() }
  }

  @inline(never)
  public func names(in directory: StoragePath) throws(ErrorClass) -> [[UInt8]] {
    guard let listing = directory.withCString({ linux_list_at(root, $0) }) else { throw storageFailure() }
    defer { linux_list_end(listing) }
    var names: [[UInt8]] = []
    while let name = linux_list_next(listing) {
      let name = Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
      // There are few, and a sort of the library's would be a good part of libhusk's code.
      let place = names.firstIndex { name.lexicographicallyPrecedes($0) } ?? names.count
      names.insert(name, at: place)
    }
    guard linux_errno() == 0 else { throw storageFailure() }
    return names
  }

  @inline(never)
  public func kind(of path: StoragePath) throws(ErrorClass) -> StorageKind? {
    switch path.withCString({ linux_kind_at(root, $0) }) {
    case 0: return .other
    case 1: return .file
    case 2: return .directory
    default:
      let failure = storageFailure()
      guard failure == .notFound else { throw failure }
      return nil
    }
  }

  public func freeSpace() throws(ErrorClass) -> UInt64 {
    let space = linux_free_space(root)
    guard space >= 0 else { throw storageFailure() }
    return UInt64(space)
  }
}

/// The class of what a system call on storage failed with.
@inline(never)
private func storageFailure() -> ErrorClass {
  switch linux_errno() {
  case ENOENT: .notFound
  case ENOSPC, EDQUOT: .noSpace
  case EROFS, EACCES, EPERM: .readOnly
  default: .io
  }
}

extension StoragePath {
  /// The empty path is the root itself.
  fileprivate func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    let text = (bytes.isEmpty ? [UInt8(ascii: ".")] : bytes) + [0]
    return text.withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { text in
        // It has a NUL at least.
        guard let start = text.baseAddress else { return body("") }
        return body(start)
      }
    }
  }
}
