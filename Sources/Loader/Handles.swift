import CHusk
import CLinux
import CLoader
import ErrorClass

// Objects behind the opaque pointers of husk.h, and what its functions have in common.

/// Makes an object and hands it to the caller, who releases it; null and a status if that fails.
func handOut<Object: AnyObject>(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ make: () throws(ErrorClass) -> Object
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let out else { throw .invalidArgument }
    out.pointee = nil
    try requireMemory()
    out.pointee = OpaquePointer(Unmanaged.passRetained(try make()).toOpaque())
  }
}

/// The object behind a pointer that was handed out.
func borrow<Object: AnyObject>(_ pointer: OpaquePointer?, as _: Object.Type) throws(ErrorClass) -> Object {
  guard let pointer else { throw .invalidArgument }
  return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

/// Likewise, for a call that takes memory.
func use<Object: AnyObject>(_ pointer: OpaquePointer?, as type: Object.Type) throws(ErrorClass) -> Object {
  try requireMemory()
  return try borrow(pointer, as: type)
}

/// Takes back what was handed out; null is ignored.
func release<Object: AnyObject>(_ pointer: OpaquePointer?, as _: Object.Type) {
  guard let pointer else { return }
  Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).release()
}

/// Swift ends the process when memory is short; asking first makes it a status.
///
/// - Parameter size: in bytes; what a call takes at most, if it isn't given.
func requireMemory(_ size: Int32 = LOADER_CALL_SIZE) throws(ErrorClass) {
  guard loader_has_memory(Int(size)) != 0 else { throw .outOfMemory }
}

/// A caller's text without its end.
func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] {
  Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
}

/// A file that is open for reading as long as this value lives.
struct OpenFile: ~Copyable {
  private let descriptor: Int32

  init(_ path: UnsafePointer<CChar>, _ log: Log) throws(ErrorClass) {
    descriptor = linux_open_read(path)
    guard descriptor >= 0 else {
      let reason = linux_errno()
      log.error(path, strerror(reason))
      throw reason == ENOENT ? .notFound : .io
    }
  }

  deinit { close(descriptor) }

  /// Gives `body` the descriptor, which is open at least as long as that runs.
  @inline(never)
  borrowing func withDescriptor<Result>(_ body: (Int32) throws(ErrorClass) -> Result) throws(ErrorClass) -> Result {
    try body(descriptor)
  }
}
