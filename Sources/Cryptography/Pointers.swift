// How Swift's memory reaches libcrypto. Closures return a status for the caller to check: they need not throw.
import SecretBytes

/// A name for libcrypto. (A `String` would bring the Unicode machinery into Embedded Swift.)
func cString(_ name: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}

extension RawSpan {
  /// A pointer to the bytes that is not null even if there are none: for libcrypto, null means "not given".
  func withPointer<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
    withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return withUnsafePointer(to: 0, body) }
      return body(start.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// The byte at an offset, which must be inside.
  subscript(offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  /// A copy of bytes that are not secret.
  var array: [UInt8] {
    var array = [UInt8]()
    array.reserveCapacity(byteCount)
    for offset in byteOffsets { array.append(self[offset]) }
    return array
  }
}

extension SecretBytes {
  borrowing func withPointer<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
    withBytes { $0.withPointer(body) }
  }

  mutating func withMutablePointer<R>(
    _ body: (UnsafeMutablePointer<UInt8>) -> R
  ) throws(CryptographyError) -> R {
    try withMutableBytes { (bytes) throws(CryptographyError) in
      // A secret has an address even if it is empty.
      body(bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self))
    }
  }
}

/// Makes a secret of zeros, with this module's error.
func makeSecret(count: Int) throws(CryptographyError) -> SecretBytes {
  do throws(SecretBytesError) {
    return try SecretBytes(count: count)
  } catch {
    throw .outOfMemory
  }
}

/// A size as libcrypto's `int` parameters take it.
func libraryLength(_ count: Int) throws(CryptographyError) -> Int32 {
  guard count >= 0, let length = Int32(exactly: count) else { throw .invalidLength }
  return length
}

/// Copies bytes into a secret, with this module's error.
func copySecret(_ bytes: RawSpan) throws(CryptographyError) -> SecretBytes {
  do throws(SecretBytesError) {
    return try SecretBytes(copying: bytes)
  } catch {
    throw .outOfMemory
  }
}
