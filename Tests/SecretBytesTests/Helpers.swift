import SecretBytes

/// Owns a secret for a test: `#expect` and closures cannot hold one that must not be copied.
final class TestSecret {
  private var secret: SecretBytes

  init(_ secret: consuming SecretBytes) { self.secret = secret }

  convenience init(count: Int) throws(SecretBytesError) { self.init(try SecretBytes(count: count)) }

  var count: Int { secret.count }

  func fill(_ value: UInt8) throws(SecretBytesError) {
    try secret.withMutableBytes { (bytes) throws(SecretBytesError) in
      for i in 0..<bytes.count { bytes[i] = value }
    }
  }

  /// Whether there are exactly `count` bytes, all of them `value`.
  func holds(_ count: Int, of value: UInt8) -> Bool {
    secret.withBytes { span in
      var same = span.byteCount == count
      for i in 0..<span.byteCount where span.unsafeLoad(fromByteOffset: i, as: UInt8.self) != value { same = false }
      return same
    }
  }

  func equals(_ other: TestSecret) -> Bool { secret.isEqual(to: other.secret) }

  /// Where the bytes are: for looking at memory that is no longer ours.
  var address: UnsafeRawPointer? {
    secret.withBytes { span in span.withUnsafeBytes { $0.baseAddress } }
  }

  /// Releases the secret; an empty one takes its place.
  func release() {
    guard let empty = try? SecretBytes(count: 0) else { return }
    secret = empty
  }
}
