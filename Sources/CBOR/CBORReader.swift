/// Reads deterministically encoded CBOR (RFC 8949 §4.2.1) without copying: strings and raw items are slices of the input.
///
/// Whatever is not in the one permitted encoding is refused with a ``CBORError``. Floating-point numbers and simple
/// values other than `false`, `true` and `null` are refused as well: no format of Husk uses them. A method that throws
/// leaves the position where it was.
///
/// A reader is a value: copy it to look ahead.
public struct CBORReader: Sendable {
  let bytes: ArraySlice<UInt8>
  let maximumDepth: Int

  /// The index, in the array that `bytes` is a slice of, of the next item's first byte.
  public internal(set) var position: Int

  /// - Parameter maximumDepth: how many arrays, maps and tags may enclose one another within one ``skipItem()``.
  ///   Items that the caller descends into itself are not counted.
  public init(_ bytes: ArraySlice<UInt8>, maximumDepth: Int = 16) {
    self.bytes = bytes
    self.maximumDepth = maximumDepth
    self.position = bytes.startIndex
  }

  public init(_ bytes: [UInt8], maximumDepth: Int = 16) {
    self.init(bytes[...], maximumDepth: maximumDepth)
  }

  /// Whether every byte has been read.
  public var isAtEnd: Bool { position == bytes.endIndex }

  /// The type of the next item, which is not consumed. Only its head is validated.
  public func peekType() throws(CBORError) -> CBORType {
    try head(at: position).type
  }

  /// Whether the next item is `null`, which is not consumed. `false` at the end of the input.
  public var nextIsNull: Bool {
    position < bytes.endIndex && bytes[position] == SimpleValue.null
  }

  // MARK: Numbers and simple values

  @inline(never)
  public mutating func readUnsigned() throws(CBORError) -> UInt64 {
    let head = try nextHead(.unsigned)
    position = head.end
    return head.argument
  }

  /// An integer of either sign; `outOfRange` where it doesn't fit 64 bits.
  @inline(never)
  public mutating func readInteger() throws(CBORError) -> Int64 {
    let head = try head(at: position)
    guard head.type == .unsigned || head.type == .negative else { throw CBORError(.unexpectedType, at: position) }
    guard let magnitude = Int64(exactly: head.argument) else { throw CBORError(.outOfRange, at: position) }
    position = head.end
    return head.type == .unsigned ? magnitude : -1 - magnitude
  }

  @inline(never)
  public mutating func readBool() throws(CBORError) -> Bool {
    let head = try nextHead(.simple)
    let value = bytes[head.start]
    guard value != SimpleValue.null else { throw CBORError(.unexpectedType, at: position) }
    position = head.end
    return value == SimpleValue.true
  }

  public mutating func readNull() throws(CBORError) {
    let head = try nextHead(.simple)
    guard bytes[head.start] == SimpleValue.null else { throw CBORError(.unexpectedType, at: position) }
    position = head.end
  }

  /// A tag's number (RFC 8949 §3.4). The item it applies to comes next.
  @inline(never)
  public mutating func readTag() throws(CBORError) -> UInt64 {
    let head = try nextHead(.tag)
    position = head.end
    return head.argument
  }

  // MARK: Strings

  /// - Parameter limit: the greatest acceptable length in bytes; a longer string is `tooLarge`.
  @inline(never)
  public mutating func readBytes(atMost limit: Int = .max) throws(CBORError) -> ArraySlice<UInt8> {
    let content = try content(of: nextHead(.bytes), atMost: limit)
    position = content.upperBound
    return bytes[content]
  }

  /// A byte string of exactly `count` bytes, such as a digest; any other length is `outOfRange`.
  @inline(never)
  public mutating func readBytes(count: Int) throws(CBORError) -> ArraySlice<UInt8> {
    let content = try content(of: nextHead(.bytes))
    guard content.count == count else { throw CBORError(.outOfRange, at: position) }
    position = content.upperBound
    return bytes[content]
  }

  /// Only the head of a byte string whose content isn't in this input: the length that it declares.
  @inline(never)
  public mutating func readBytesHead() throws(CBORError) -> UInt64 {
    let head = try nextHead(.bytes)
    position = head.end
    return head.argument
  }

  /// The UTF-8 bytes of a text string, validated.
  ///
  /// - Parameter limit: the greatest acceptable length in bytes; a longer string is `tooLarge`.
  @inline(never)
  public mutating func readText(atMost limit: Int = .max) throws(CBORError) -> ArraySlice<UInt8> {
    let content = try content(of: nextHead(.text), atMost: limit)
    position = content.upperBound
    return bytes[content]
  }

  // MARK: Collections

  /// The number of items in an array, which come next. It is never more than the bytes that are left, so it may size
  /// an allocation.
  ///
  /// - Parameter limit: the greatest acceptable count; more is `tooLarge`.
  @inline(never)
  public mutating func readArrayHeader(atMost limit: Int = .max) throws(CBORError) -> Int {
    let head = try nextHead(.array)
    let count = try count(of: head, atMost: limit)
    position = head.end
    return count
  }

  /// Starts reading a map; get its keys with ``nextIntegerKey(_:)`` and ``nextTextKey(_:)``.
  ///
  /// - Parameter limit: the greatest acceptable number of entries; more is `tooLarge`.
  @inline(never)
  public mutating func readMap(atMost limit: Int = .max) throws(CBORError) -> CBORMapCursor {
    let head = try nextHead(.map)
    let count = try count(of: head, atMost: limit)
    position = head.end
    return CBORMapCursor(remaining: count)
  }

  // MARK: Whole items

  /// Passes over one item of any supported type and validates it to the last nested byte.
  ///
  /// - Returns: the encoded item.
  @discardableResult
  @inline(never)
  public mutating func skipItem() throws(CBORError) -> ArraySlice<UInt8> {
    let end = try endOfItem(at: position, depth: 0)
    defer { position = end }
    return bytes[position..<end]
  }

  /// Call when the last expected item has been read: whatever is left is `trailingBytes`.
  public func finish() throws(CBORError) {
    guard isAtEnd else { throw CBORError(.trailingBytes, at: position) }
  }

  /// The next item's head, which must be of type `type`.
  private func nextHead(_ type: CBORType) throws(CBORError) -> Head {
    let head = try head(at: position)
    guard head.type == type else { throw CBORError(.unexpectedType, at: position) }
    return head
  }
}
