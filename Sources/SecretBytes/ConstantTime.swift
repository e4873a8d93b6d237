import CLinux

/// Whether two byte strings are equal. The time it takes depends on their lengths only.
public func constantTimeEquals(_ a: RawSpan, _ b: RawSpan) -> Bool {
  guard a.byteCount == b.byteCount else { return false }
  return a.withUnsafeBytes { a in
    b.withUnsafeBytes { b in secret_memory_equal(a.baseAddress, b.baseAddress, a.count) }
  }
}
