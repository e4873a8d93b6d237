/// Writes CBOR in its deterministic encoding (RFC 8949 §4.2.1): shortest forms, definite lengths, sorted maps.
public struct CBOREncoder: Sendable {
  /// What has been encoded so far.
  public private(set) var bytes: [UInt8] = []

  /// - Parameter capacity: how many bytes to make room for, where many small appends are to come.
  public init(capacity: Int = 0) {
    bytes.reserveCapacity(capacity)
  }

  // MARK: Numbers and simple values

  @inline(never)
  public mutating func encode(unsigned value: UInt64) {
    appendHead(.unsigned, value)
  }

  public mutating func encode(integer value: Int64) {
    if value >= 0 {
      appendHead(.unsigned, UInt64(value))
    } else {
      appendHead(.negative, UInt64(-1 - value))
    }
  }

  @inline(never)
  public mutating func encode(bool value: Bool) {
    bytes.append(value ? SimpleValue.true : SimpleValue.false)
  }

  public mutating func encodeNull() {
    bytes.append(SimpleValue.null)
  }

  // MARK: Strings

  public mutating func encode(bytes content: RawSpan) {
    appendHead(.bytes, UInt64(content.byteCount))
    content.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  // The two that nearly everybody has, without the detour that a generic call across modules takes.

  public mutating func encode(bytes content: [UInt8]) {
    encode(bytes: content.span.bytes)
  }

  public mutating func encode(bytes content: ArraySlice<UInt8>) {
    encode(bytes: content.span.bytes)
  }

  public mutating func encode(bytes content: some Collection<UInt8>) {
    appendHead(.bytes, UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  /// Only the head of a byte string whose `count` bytes the caller writes elsewhere.
  public mutating func encode(bytesHead count: UInt64) {
    appendHead(.bytes, count)
  }

  public mutating func encode(text: StaticString) {
    text.withUTF8Buffer { utf8 in
      appendHead(.text, UInt64(utf8.count))
      bytes.append(contentsOf: utf8)
    }
  }

  /// Throws `invalidUTF8`, its offset counted from the first byte of `utf8`, and then writes nothing.
  public mutating func encode(textUTF8 utf8: [UInt8]) throws(CBORError) {
    if let illFormed = UTF8Validation.firstIllFormed(utf8) { throw CBORError(.invalidUTF8, at: illFormed) }
    appendHead(.text, UInt64(utf8.count))
    bytes += utf8
  }

  /// The same of bytes that lie elsewhere than in an array.
  public mutating func encode(textUTF8 utf8: some Collection<UInt8>) throws(CBORError) {
    try encode(textUTF8: [UInt8](utf8))
  }

  // MARK: Structure

  /// Starts an array: exactly `count` items must follow. For maps see ``encodeMap(_:)``.
  @inline(never)
  public mutating func beginArray(_ count: Int) {
    appendHead(.array, UInt64(count))
  }

  /// Starts a map: exactly `count` entries must follow, in the order of their encoded keys, each once. Where that isn't
  /// plain to see, ``encodeMap(_:)`` takes care of it.
  public mutating func beginMap(_ count: Int) {
    appendHead(.map, UInt64(count))
  }

  /// Tags the item that follows (RFC 8949 §3.4).
  public mutating func tag(_ number: UInt64) {
    appendHead(.tag, number)
  }

  /// Writes an item that is already encoded as it is.
  public mutating func encode(encoded item: [UInt8]) {
    encode(encoded: item.span.bytes)
  }

  /// Writes an item that is already encoded, such as one that ``CBORReader/skipItem()`` returned, as it is.
  public mutating func encode(encoded item: some Collection<UInt8>) {
    bytes.append(contentsOf: item)
  }

  public mutating func encode(encoded item: RawSpan) {
    item.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }
}

extension CBOREncoder {
  @inline(never)
  private mutating func appendHead(_ type: CBORType, _ argument: UInt64) {
    let width = Self.width(of: argument)
    let information = width == 0 ? UInt8(truncatingIfNeeded: argument) : 24 + UInt8(width.trailingZeroBitCount)
    bytes.append(type.rawValue << 5 | information)
    for index in (0..<width).reversed() { bytes.append(UInt8(truncatingIfNeeded: argument >> UInt64(index * 8))) }
  }

  /// How many bytes an argument takes after the initial byte, in its shortest form.
  private static func width(of argument: UInt64) -> Int {
    switch argument {
    case ..<24: 0
    case ...0xff: 1
    case ...0xffff: 2
    case ...0xffff_ffff: 4
    default: 8
    }
  }

  // What the map encoder needs to work in place.

  mutating func discard(from offset: Int) {
    bytes.removeSubrange(offset...)
  }

  /// Replaces what was encoded from `offset` on by a map of `count` entries with the encoding `entries`.
  mutating func replace(from offset: Int, withMapOf count: Int, entries: [UInt8]) {
    discard(from: offset)
    appendHead(.map, UInt64(count))
    bytes.append(contentsOf: entries)
  }

  /// Puts the head of a map of `count` entries in the place of the one byte at `offset`.
  mutating func setMapHead(at offset: Int, count: Int) {
    var head = CBOREncoder()
    head.appendHead(.map, UInt64(count))
    bytes.replaceSubrange(offset...offset, with: head.bytes)
  }
}
