import CLinux

/// Why a secret could not be made.
public enum SecretBytesError: MemoryShortage, Equatable, Sendable {
  /// There is no memory for it.
  case outOfMemory
}

/// An error that can say that there is no memory for a secret.
public protocol MemoryShortage: Error {
  static var outOfMemory: Self { get }
}

/// A fixed number of secret bytes: a key, a passphrase, a decrypted key file.
///
/// The bytes live in memory that is kept out of swap and core dumps and, where the kernel has `memfd_secret`, out of
/// reach of the kernel itself. They have one owner, can be looked at only inside a closure, have no description, and
/// are wiped when the owner goes.
///
/// After `fork`, the child can go on reading the secrets it inherited for as long as the parent keeps them; what the
/// child writes or releases never touches the parent's bytes.
public struct SecretBytes: ~Copyable {
  /// The number of bytes.
  public let count: Int

  private var slot: secret_slot

  /// Makes `count` zero bytes. A negative count is refused like one that is too large.
  public init(count: Int) throws(SecretBytesError) {
    var slot = secret_slot()
    guard count >= 0, secret_memory_allocate(count, &slot) else { throw .outOfMemory }
    self.count = count
    self.slot = slot
  }

  /// Copies bytes. The original stays as it is: wipe it if it is yours (`wipe(_:)`).
  public init(copying bytes: RawSpan) throws(SecretBytesError) {
    try self.init(count: bytes.byteCount)
    let target = UnsafeMutableRawBufferPointer(start: slot.bytes, count: count)
    bytes.withUnsafeBytes { target.copyMemory(from: $0) }
  }

  /// Gives `body` the bytes to read. They must not be kept beyond the call.
  public borrowing func withBytes<R: ~Copyable, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: slot.bytes, count: count).bytes)
  }

  /// Gives `body` the bytes to read and change. The pointer must not be kept beyond the call.
  ///
  /// A secret that was inherited through `fork` first moves to memory of the child's own: to write where it is would
  /// change the parent's secret.
  ///
  /// - Throws: what `body` throws; `outOfMemory` if an inherited secret has nowhere to move, and then it stays as it is.
  public mutating func withMutableBytes<R: ~Copyable, E: MemoryShortage>(
    _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    if secret_memory_is_borrowed_from_parent(slot) {
      guard moveToOwnMemory() else { throw .outOfMemory }
    }
    return try body(UnsafeMutableRawBufferPointer(start: slot.bytes, count: count))
  }

  /// Whether both hold the same bytes. The time it takes depends on the counts only.
  public borrowing func isEqual(to other: borrowing SecretBytes) -> Bool {
    guard count == other.count else { return false }
    return secret_memory_equal(slot.bytes, other.slot.bytes, count)
  }

  deinit {
    secret_memory_release(slot, count)
  }

  private mutating func moveToOwnMemory() -> Bool {
    var own = secret_slot()
    guard secret_memory_allocate(count, &own) else { return false }
    UnsafeMutableRawBufferPointer(start: own.bytes, count: count)
      .copyMemory(from: UnsafeRawBufferPointer(start: slot.bytes, count: count))
    secret_memory_release(slot, count)
    slot = own
    return true
  }
}

// The compiler cannot see that the pointer inside is unique: one owner, written to through `mutating` methods only;
// allocating and releasing take the allocator's lock.
extension SecretBytes: @unchecked Sendable {}
