/// The encodings of the three simple values in use (RFC 8949 §3.3).
enum SimpleValue {
  static let `false`: UInt8 = 0xf4
  static let `true`: UInt8 = 0xf5
  static let null: UInt8 = 0xf6
}

extension CBORReader {
  /// An item's initial byte and argument (RFC 8949 §3), in their only permitted encoding.
  struct Head {
    let type: CBORType
    /// The value of an integer, the number of a tag, the length of a string or the count of a collection.
    let argument: UInt64
    let start: Int
    /// Where the head ends and the content, if any, begins.
    let end: Int
  }

  func head(at start: Int) throws(CBORError) -> Head {
    guard start < bytes.endIndex else { throw CBORError(.truncated, at: start) }
    let initial = bytes[start]
    guard let type = CBORType(rawValue: initial >> 5) else { throw CBORError(.malformed, at: start) }
    let information = initial & 0x1f

    if let kind = Self.refusal(type, information) { throw CBORError(kind, at: start) }

    let content = start + 1
    guard information >= 24 else {
      return Head(type: type, argument: UInt64(information), start: start, end: content)
    }
    let width = 1 << Int(information - 24)
    guard width <= bytes.endIndex - content else { throw CBORError(.truncated, at: start) }
    let end = content + width
    var argument: UInt64 = 0
    for byte in bytes[content..<end] { argument = argument << 8 | UInt64(byte) }

    let leastNeedingThisWidth: UInt64 = width == 1 ? 24 : 1 << UInt64(width * 4)
    guard argument >= leastNeedingThisWidth else { throw CBORError(.nonCanonical, at: start) }
    return Head(type: type, argument: argument, start: start, end: end)
  }

  /// Why an initial byte is refused, if it is.
  private static func refusal(_ type: CBORType, _ information: UInt8) -> CBORError.Kind? {
    switch (type, information) {
    case (_, 28...30): .malformed
    case (.bytes, 31), (.text, 31), (.array, 31), (.map, 31): .nonCanonical  // indefinite length
    case (_, 31): .malformed
    case (.simple, 20...22): nil  // false, true, null
    case (.simple, _): .unsupportedType
    default: nil
    }
  }

  /// Where a string's content lies; text is validated.
  func content(of head: Head, atMost limit: Int = .max) throws(CBORError) -> Range<Int> {
    guard let length = Int(exactly: head.argument), length <= bytes.endIndex - head.end else {
      throw CBORError(.truncated, at: head.start)
    }
    guard length <= limit else { throw CBORError(.tooLarge, at: head.start) }
    let content = head.end..<(head.end + length)
    if head.type == .text, let illFormed = UTF8Validation.firstIllFormed(bytes[content]) {
      throw CBORError(.invalidUTF8, at: illFormed)
    }
    return content
  }

  /// The number of items in an array or of entries in a map. Each takes at least one byte or two, so a count for which
  /// too few bytes are left is `truncated` before anyone allocates for it.
  func count(of head: Head, atMost limit: Int = .max) throws(CBORError) -> Int {
    let left = bytes.endIndex - head.end
    let most = head.type == .map ? left / 2 : left
    guard let count = Int(exactly: head.argument), count <= most else { throw CBORError(.truncated, at: head.start) }
    guard count <= limit else { throw CBORError(.tooLarge, at: head.start) }
    return count
  }

  /// Where the item at `start` ends, once all of it has been validated.
  ///
  /// - Parameter depth: how many items enclose it.
  func endOfItem(at start: Int, depth: Int) throws(CBORError) -> Int {
    let head = try head(at: start)
    switch head.type {
    case .unsigned, .negative, .simple:
      return head.end
    case .bytes, .text:
      return try content(of: head).upperBound
    case .array:
      let inner = try nested(in: head, depth)
      var position = head.end
      for _ in 0..<(try count(of: head)) { position = try endOfItem(at: position, depth: inner) }
      return position
    case .map:
      let inner = try nested(in: head, depth)
      var position = head.end
      var previousKey: Range<Int>?
      for _ in 0..<(try count(of: head)) {
        let key = position..<(try endOfItem(at: position, depth: inner))
        try checkOrder(of: key, after: previousKey)
        previousKey = key
        position = try endOfItem(at: key.upperBound, depth: inner)
      }
      return position
    case .tag:
      return try endOfItem(at: head.end, depth: nested(in: head, depth))
    }
  }

  /// The depth of the items within `head`, which itself lies at `depth`.
  func nested(in head: Head, _ depth: Int) throws(CBORError) -> Int {
    guard depth < maximumDepth else { throw CBORError(.nestingTooDeep, at: head.start) }
    return depth + 1
  }
}
