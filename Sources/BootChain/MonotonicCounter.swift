import CLinux
public import DeviceStore
public import ErrorClass
import HuskFormat

/// The mock monotonic counter (SPEC 7.1): a file whose length is its value, like fuse bits that are blown one by one.
public struct MonotonicCounter<Medium: Storage>: ~Copyable {
  let file: StoredFile<Medium>

  /// - Parameter file: open for writing.
  public init(_ file: consuming StoredFile<Medium>) {
    self.file = file
  }

  public borrowing func value() throws(ErrorClass) -> UInt64 {
    try file.size()
  }

  /// Adds one; it is on the disk when this returns.
  ///
  /// - Returns: the new value.
  public borrowing func increment() throws(ErrorClass) -> UInt64 {
    let value = try value()
    guard value < Limits.counter else { throw .limitExceeded }
    do throws(ErrorClass) {
      try file.write([1], at: value)
      try file.synchronize()
    } catch {
      // Whatever the reason, nothing is to be had of it but that.
      throw .io
    }
    return try self.value()
  }
}

extension MonotonicCounter<POSIXStorage> {
  /// - Parameter path: of a file that exists.
  public init(path: UnsafePointer<CChar>) throws(ErrorClass) {
    let file = linux_open_existing(path)
    guard file >= 0 else { throw .io }
    self.init(inherited: file)
  }

  /// - Parameter inherited: a descriptor of the file, which this owns from now on.
  public init(inherited: Int32) {
    self.init(StoredFile(owning: inherited, on: POSIXStorage(root: -1)))
  }
}
