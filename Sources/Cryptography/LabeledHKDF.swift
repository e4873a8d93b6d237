import SecretBytes

/// HKDF-SHA256 with the suite and the purpose mixed in: LabeledExtract and LabeledExpand, RFC 9180 section 4.
///
/// It keeps the context that it works with: one serves any number of keys, one after the other.
struct LabeledHKDF: ~Copyable {
  static let identifier: UInt16 = 0x0001

  private let suite: [UInt8]
  private var hmac: HMAC

  /// - Parameter suite: `suite_id`.
  init(suite: [UInt8]) throws(CryptographyError) {
    self.suite = Self.bytes("HPKE-v1") + suite
    hmac = try HMAC(.sha256, key: RawSpan())
  }

  mutating func extract(
    salt: RawSpan, label: StaticString, inputKeyMaterial: RawSpan
  ) throws(CryptographyError) -> SecretBytes {
    let prefix = suite + Self.bytes(label)
    try hmac.restart(key: salt)
    try hmac.update(prefix.span.bytes)
    try hmac.update(inputKeyMaterial)
    var key = try makeSecret(count: SHA256.byteCount)
    try hmac.finalize(into: &key)
    return key
  }

  mutating func expand(
    _ key: borrowing SecretBytes, label: StaticString, info: [UInt8], byteCount: UInt16
  ) throws(CryptographyError) -> SecretBytes {
    let labeled = Self.bigEndian(byteCount) + suite + Self.bytes(label) + info
    try key.withBytes { (key) throws(CryptographyError) in try hmac.restart(key: key) }
    return try HKDF.sha256.expand(&hmac, info: labeled.span.bytes, byteCount: Int(byteCount))
  }

  static func bytes(_ label: StaticString) -> [UInt8] {
    [UInt8](UnsafeBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount))
  }

  static func bigEndian(_ number: UInt16) -> [UInt8] {
    [UInt8(number >> 8), UInt8(number & 0xff)]
  }
}
