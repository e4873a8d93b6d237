public import ErrorClass

/// A file of a ``Storage``, open as long as this value lives.
public struct StoredFile<Medium: Storage>: ~Copyable {
  public let storage: Medium
  public let handle: Int32
  private let closing: Closing<Medium>

  public init(_ path: StoragePath, _ mode: StorageMode, on storage: Medium) throws(ErrorClass) {
    self.storage = storage
    handle = try storage.open(path, mode)
    closing = Closing(handle, storage)
  }

  /// - Parameter handle: of a file that was opened elsewhere; this owns it from now on.
  public init(owning handle: Int32, on storage: Medium) {
    self.storage = storage
    self.handle = handle
    closing = Closing(handle, storage)
  }

  /// Gives `body` the handle, which is open at least as long as that runs.
  @inline(never)
  public borrowing func withHandle<Result, Failure: Error>(
    _ body: (Int32) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(handle)
  }

  public borrowing func size() throws(ErrorClass) -> UInt64 { try storage.size(of: handle) }

  public borrowing func read(at offset: UInt64, count: Int) throws(ErrorClass) -> [UInt8] {
    try storage.read(handle, at: offset, count: count)
  }

  public borrowing func write(_ bytes: [UInt8], at offset: UInt64) throws(ErrorClass) {
    try storage.write(bytes.span.bytes, to: handle, at: offset)
  }

  public borrowing func resize(to size: UInt64) throws(ErrorClass) { try storage.resize(handle, to: size) }

  public borrowing func synchronize() throws(ErrorClass) { try storage.synchronize(handle) }
}

/// Closes a file when it goes. The `deinit` of a generic struct isn't called where another module lets it go (Swift 6.3,
/// without optimization); that of a class is.
private final class Closing<Medium: Storage> {
  let handle: Int32
  let storage: Medium

  init(_ handle: Int32, _ storage: Medium) {
    self.handle = handle
    self.storage = storage
  }

  deinit { storage.close(handle) }
}

extension Storage {
  /// The whole content of a file; throws `limitExceeded` if that is more than `limit` bytes.
  @inline(never)
  public func content(of path: StoragePath, atMost limit: Int) throws(ErrorClass) -> [UInt8] {
    let file = try StoredFile(path, .reading, on: self)
    let size = try file.size()
    guard let count = Int(exactly: size), count <= limit else { throw .limitExceeded }
    return try file.read(at: 0, count: count)
  }

  /// Replaces a file, or makes it, so that there is the old content or the new one at any instant (SPEC 7.9). What fails
  /// leaves nothing behind.
  ///
  /// - Parameter fill: writes the new content into the empty file that it is given.
  public func replace(
    _ path: StoragePath, _ fill: (borrowing StoredFile<Self>) throws(ErrorClass) -> Void
  ) throws(ErrorClass) {
    let replacement = path.replacement
    // A power cut in the midst of a rename may have left it as a second name of the file that is to be replaced: so what
    // is there is removed, not overwritten.
    do throws(ErrorClass) {
      try removeAll(replacement)
    } catch {
      guard error == .notFound else { throw error }
    }
    try makeWay(at: path, for: .file)
    do throws(ErrorClass) {
      // Closed before it is renamed.
      try create(replacement, fill)
      try rename(replacement, to: path)
    } catch {
      discard(replacement)
      throw error
    }
    try synchronizeDirectory(path.directory)
  }

  private func create(
    _ path: StoragePath, _ fill: (borrowing StoredFile<Self>) throws(ErrorClass) -> Void
  ) throws(ErrorClass) {
    let file = try StoredFile(path, .writing, on: self)
    try fill(file)
    try file.synchronize()
  }

  /// Removes what has a name, whatever it is; a directory with all that is in it, but for one that is absurdly deep.
  @inline(never)
  public func removeAll(_ path: StoragePath, depth: Int = 8) throws(ErrorClass) {
    do throws(ErrorClass) {
      try remove(path)
    } catch {
      guard error == .io, depth > 0, try kind(of: path) == .directory else { throw error }
      for name in try names(in: path) { try removeAll(path.appending(name), depth: depth - 1) }
      try remove(path)
    }
  }

  /// Removes what has a name where nothing but a file, or a directory, belongs, and isn't one: it would be in the way for
  /// ever.
  @inline(never)
  public func makeWay(at path: StoragePath, for wanted: StorageKind) throws(ErrorClass) {
    if let kind = try kind(of: path), kind != wanted { try removeAll(path) }
  }

  /// Removes a file that needn't be there, or whatever has its name. That it can't be is for whoever comes next.
  @inline(never)
  public func discard(_ path: StoragePath) {
    do throws(ErrorClass) {
      try removeAll(path)
    } catch {
      // As said.
    }
  }

  /// Whether a file is there.
  @inline(never)
  public func exists(_ path: StoragePath) -> Bool {
    do throws(ErrorClass) {
      _ = try StoredFile(path, .reading, on: self)
      return true
    } catch {
      return false
    }
  }
}
