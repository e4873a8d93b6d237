import SecretBytes

/// HKDF-SHA256 with the suite and the purpose mixed in: LabeledExtract and LabeledExpand, RFC 9180 section 4.
struct LabeledHKDF {
  static let identifier: UInt16 = 0x0001

  let suite: [UInt8]

  func extract(
    salt: RawSpan, label: StaticString, inputKeyMaterial: RawSpan
  ) throws(CryptographyError) -> SecretBytes {
    let prefix = Self.bytes("HPKE-v1") + suite + Self.bytes(label)
    var hmac = try HMAC(.sha256, key: salt)
    try hmac.update(prefix.span.bytes)
    try hmac.update(inputKeyMaterial)
    var key = try makeSecret(count: SHA256.byteCount)
    try hmac.finalize(into: &key)
    return key
  }

  func expand(
    _ key: borrowing SecretBytes, label: StaticString, info: [UInt8], byteCount: UInt16
  ) throws(CryptographyError) -> SecretBytes {
    let labeled = Self.bigEndian(byteCount) + Self.bytes("HPKE-v1") + suite + Self.bytes(label) + info
    return try HKDF.sha256.expand(key, info: labeled.span.bytes, byteCount: Int(byteCount))
  }

  static func bytes(_ label: StaticString) -> [UInt8] {
    [UInt8](UnsafeBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount))
  }

  static func bigEndian(_ number: UInt16) -> [UInt8] {
    [UInt8(number >> 8), UInt8(number & 0xff)]
  }
}
