import CLinux
public import ErrorClass

/// The mock monotonic counter (SPEC 7.1): a file whose length is its value, like fuse bits that are blown one by one.
public struct MonotonicCounter: ~Copyable {
  let file: Int32

  /// The last value it can have.
  public static let end: UInt64 = 1_048_576

  /// - Parameter path: of a file that exists; it is opened for appending.
  public init(path: UnsafePointer<CChar>) throws(ErrorClass) {
    file = linux_open_append(path)
    guard file >= 0 else { throw .io }
  }

  /// - Parameter inherited: a descriptor of the file, which this owns from now on.
  public init(inherited: Int32) {
    file = inherited
  }

  deinit { close(file) }

  public borrowing func value() throws(ErrorClass) -> UInt64 {
    let size = linux_regular_file_size(file)
    guard size >= 0 else { throw .io }
    return UInt64(size)
  }

  /// Adds one; it is on the disk when this returns.
  ///
  /// - Returns: the new value.
  public borrowing func increment() throws(ErrorClass) -> UInt64 {
    guard try value() < Self.end else { throw .limitExceeded }
    guard linux_append_durably(file) == 0 else { throw .io }
    return try value()
  }
}
