/// Owns one object of libcrypto's, and frees it.
// Usable from inline because an Embedded Swift client cannot otherwise see the deinit of a public type's content
// (fixed after Swift 6.3: github.com/swiftlang/swift/pull/87303).
@usableFromInline
struct LibraryObject: ~Copyable {
  /// Valid while the owner is.
  let pointer: OpaquePointer

  private let free: @convention(c) (OpaquePointer?) -> Void

  /// Takes over what a constructor of libcrypto returned; null means that `operation` failed.
  init(
    _ pointer: OpaquePointer?, freedBy free: @convention(c) (OpaquePointer?) -> Void,
    _ operation: CryptographyError.Operation
  ) throws(CryptographyError) {
    guard let pointer else { throw failure(.libraryFailure(operation)) }
    self.pointer = pointer
    self.free = free
  }

  deinit { free(pointer) }
}
