public import ErrorClass

/// The one way to what a device keeps across power cuts (SPEC 7.9): every write of device state goes through it.
///
/// Nothing is durable before ``synchronize(_:)`` (content and size of a file) or ``synchronizeDirectory(_:)`` (the names
/// in it) returned. All functions throw `notFound` where a file or directory isn't there, `noSpace`, `readOnly`, and `io`
/// for whatever else fails.
public protocol Storage {
  /// Opens a file; the handle is the caller's to close. ``StoredFile`` does that by itself.
  func open(_ path: StoragePath, _ mode: StorageMode) throws(ErrorClass) -> Int32
  func close(_ file: Int32)
  /// Opens a file, which is made for its owner alone if it isn't there, so that it can't be opened so again, by any process,
  /// before it is closed or this process ends: that is `inUse`. It can be had where nothing can be written.
  func lock(_ path: StoragePath) throws(ErrorClass) -> Int32
  /// In bytes. Throws `io` for what isn't a regular file.
  func size(of file: Int32) throws(ErrorClass) -> UInt64
  /// Reads exactly `count` bytes; fewer are `io`.
  func read(_ file: Int32, at offset: UInt64, count: Int) throws(ErrorClass) -> [UInt8]
  func write(_ bytes: RawSpan, to file: Int32, at offset: UInt64) throws(ErrorClass)
  /// Cuts a file off, or fills it up with zeros.
  func resize(_ file: Int32, to size: UInt64) throws(ErrorClass)
  func synchronize(_ file: Int32) throws(ErrorClass)
  /// Gives a file or directory another name; a file that had it is replaced in one step.
  func rename(_ path: StoragePath, to target: StoragePath) throws(ErrorClass)
  /// Removes a file, or a directory with nothing in it.
  func remove(_ path: StoragePath) throws(ErrorClass)
  /// Makes a directory; one that is there already is no failure.
  func makeDirectory(_ path: StoragePath) throws(ErrorClass)
  func synchronizeDirectory(_ path: StoragePath) throws(ErrorClass)
  /// The names in a directory, in ascending order; `.` and `..` are left out.
  func names(in directory: StoragePath) throws(ErrorClass) -> [[UInt8]]
  /// What a name stands for itself, a link that it may be included; nil for nothing.
  func kind(of path: StoragePath) throws(ErrorClass) -> StorageKind?
  /// How many bytes more can be written.
  func freeSpace() throws(ErrorClass) -> UInt64
}

/// What a name in storage stands for.
public enum StorageKind: Sendable {
  case file
  case directory
  /// Such as a link or a pipe: nothing that a device makes.
  case other
}

/// What a file is opened for.
public enum StorageMode: Sendable {
  case reading
  /// Reading and writing; it is made, empty, if it isn't there.
  case writing
}

/// A place in storage, relative to its root: names with slashes between them.
public struct StoragePath: Equatable, Hashable, Sendable {
  /// Without an ending NUL.
  public let bytes: [UInt8]

  public init(_ path: StaticString) {
    bytes = path.withUTF8Buffer { Array($0) }
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// What is named so in this directory. A name must have no slash, and be neither `.` nor `..`.
  @inline(never)
  public func appending(_ name: [UInt8]) -> StoragePath {
    StoragePath(bytes: bytes.isEmpty ? name : bytes + [slash] + name)
  }

  @inline(never)
  public func appending(_ name: StaticString) -> StoragePath {
    appending(name.withUTF8Buffer { Array($0) })
  }

  /// The directory that it is in.
  public var directory: StoragePath {
    guard let end = bytes.lastIndex(of: slash) else { return StoragePath(bytes: []) }
    return StoragePath(bytes: Array(bytes[..<end]))
  }

  public var name: [UInt8] {
    guard let end = bytes.lastIndex(of: slash) else { return bytes }
    return Array(bytes[(end + 1)...])
  }

  /// Where a file is written that is to replace this one (SPEC 7.9).
  public var replacement: StoragePath {
    directory.appending([UInt8(ascii: ".")] + name)
  }
}

extension StoragePath: ExpressibleByStringLiteral {
  public init(stringLiteral path: StaticString) { self.init(path) }
}

private let slash = UInt8(ascii: "/")
