public import SecretBytes

/// The key derivation function of RFC 5869, over one of two hashes.
public enum HKDF: Sendable {
  case sha256
  case sha512

  /// The size of a pseudorandom key.
  public var hashByteCount: Int {
    switch self {
    case .sha256: SHA256.byteCount
    case .sha512: SHA512.byteCount
    }
  }

  /// Concentrates key material into a pseudorandom key (section 2.2).
  ///
  /// - Parameters:
  ///   - salt: may be empty, which means zeros.
  ///   - inputKeyMaterial: uneven, but with enough entropy; or public, where only the mixing matters.
  public func extract(salt: RawSpan, inputKeyMaterial: RawSpan) throws(CryptographyError) -> SecretBytes {
    var hmac = try HMAC(hash, key: salt)
    try hmac.update(inputKeyMaterial)
    var key = try makeSecret(count: hashByteCount)
    try hmac.finalize(into: &key)
    return key
  }

  /// Concentrates secret key material into a pseudorandom key (section 2.2).
  public func extract(
    salt: RawSpan, inputKeyMaterial: borrowing SecretBytes
  ) throws(CryptographyError) -> SecretBytes {
    try inputKeyMaterial.withBytes { (material) throws(CryptographyError) in
      try extract(salt: salt, inputKeyMaterial: material)
    }
  }

  /// Stretches a pseudorandom key into `byteCount` bytes, at most 255 hashes' worth (section 2.3).
  ///
  /// - Parameter info: what the bytes are for; may be empty.
  public func expand(
    _ pseudorandomKey: borrowing SecretBytes, info: RawSpan, byteCount: Int
  ) throws(CryptographyError) -> SecretBytes {
    var hmac = try pseudorandomKey.withBytes { (key) throws(CryptographyError) in try HMAC(hash, key: key) }
    return try expand(&hmac, info: info, byteCount: byteCount)
  }

  /// Stretches the pseudorandom key that `hmac` was started with.
  func expand(_ hmac: inout HMAC, info: RawSpan, byteCount: Int) throws(CryptographyError) -> SecretBytes {
    guard byteCount >= 0, byteCount <= 255 * hashByteCount else { throw .invalidLength }
    var output = try makeSecret(count: byteCount)
    // One block is all that most callers ask for: it needs no copy.
    if byteCount == hashByteCount {
      try expandBlock(&hmac, info: info, number: 1, into: &output)
      return output
    }
    var block = try makeSecret(count: hashByteCount)
    var filled = 0
    var number: UInt8 = 0
    while filled < byteCount {
      if number > 0 {
        try hmac.restart()
        try block.withBytes { (bytes) throws(CryptographyError) in try hmac.update(bytes) }
      }
      number += 1  // at most 255, by the check above
      try expandBlock(&hmac, info: info, number: number, into: &block)
      filled += try output.replace(from: filled, with: block)
    }
    return output
  }

  /// The end of T(number), of which the block before has been taken up.
  private func expandBlock(
    _ hmac: inout HMAC, info: RawSpan, number: UInt8, into block: inout SecretBytes
  ) throws(CryptographyError) {
    try hmac.update(info)
    let suffix: [1 of UInt8] = [number]
    try hmac.update(suffix.span.bytes)
    try hmac.finalize(into: &block)
  }

  /// Extracts, then expands: one call from key material to key.
  public func derive(
    salt: RawSpan, inputKeyMaterial: RawSpan, info: RawSpan, byteCount: Int
  ) throws(CryptographyError) -> SecretBytes {
    try expand(extract(salt: salt, inputKeyMaterial: inputKeyMaterial), info: info, byteCount: byteCount)
  }

  /// Extracts, then expands: one call from secret key material to key.
  public func derive(
    salt: RawSpan, inputKeyMaterial: borrowing SecretBytes, info: RawSpan, byteCount: Int
  ) throws(CryptographyError) -> SecretBytes {
    try expand(extract(salt: salt, inputKeyMaterial: inputKeyMaterial), info: info, byteCount: byteCount)
  }

  /// Stretches one pseudorandom key for many purposes: what is done with the key alone is done once.
  public struct Expander: ~Copyable {
    private let hkdf: HKDF
    private var hmac: HMAC
    private var isUsed = false

    public init(_ hkdf: HKDF, _ pseudorandomKey: borrowing SecretBytes) throws(CryptographyError) {
      self.hkdf = hkdf
      hmac = try pseudorandomKey.withBytes { (key) throws(CryptographyError) in try HMAC(hkdf.hash, key: key) }
    }

    /// The same as ``HKDF/expand(_:info:byteCount:)`` with this key.
    public mutating func expand(info: RawSpan, byteCount: Int) throws(CryptographyError) -> SecretBytes {
      if isUsed { try hmac.restart() }
      isUsed = true
      return try hkdf.expand(&hmac, info: info, byteCount: byteCount)
    }
  }

  var hash: HMAC.Hash {
    switch self {
    case .sha256: .sha256
    case .sha512: .sha512
    }
  }
}

extension SecretBytes {
  /// Copies as much of `source` as there is room for from `offset` on, and says how much that was.
  fileprivate mutating func replace(
    from offset: Int, with source: borrowing SecretBytes
  ) throws(CryptographyError) -> Int {
    try source.withBytes { (source) throws(CryptographyError) in
      try withMutableBytes { (target) throws(CryptographyError) in
        let count = min(source.byteCount, target.count - offset)
        source.withUnsafeBytes { source in
          UnsafeMutableRawBufferPointer(rebasing: target[offset..<(offset + count)])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[0..<count]))
        }
        return count
      }
    }
  }
}
