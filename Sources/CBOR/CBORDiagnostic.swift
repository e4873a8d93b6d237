/// One encoded item in CBOR's diagnostic notation (RFC 8949 §8), for people to read.
///
/// Control characters and those that reorder text on a terminal appear as `\u` escapes, so that a hostile file can't
/// disguise what is printed.
public struct CBORDiagnostic: Sendable {
  /// The notation; where `error` is set, only of what precedes the offending item.
  public let text: String

  /// Why the input is not exactly one deterministically encoded item; `nil` where it is.
  public let error: CBORError?

  /// - Parameter maximumDepth: how many arrays, maps and tags may enclose one another.
  public init(_ encoded: ArraySlice<UInt8>, maximumDepth: Int = 16) {
    var printer = DiagnosticPrinter(reader: CBORReader(encoded, maximumDepth: maximumDepth))
    do throws(CBORError) {
      printer.reader.position = try printer.printItem(at: encoded.startIndex, depth: 0)
      try printer.reader.finish()
      self.error = nil
    } catch {
      self.error = error
    }
    self.text = String(decoding: printer.output, as: UTF8.self)
  }

  public init(_ encoded: [UInt8], maximumDepth: Int = 16) {
    self.init(encoded[...], maximumDepth: maximumDepth)
  }
}

private struct DiagnosticPrinter {
  var reader: CBORReader
  var output: [UInt8] = []

  /// Prints the item at `start`.
  ///
  /// - Returns: where it ends.
  mutating func printItem(at start: Int, depth: Int) throws(CBORError) -> Int {
    let head = try reader.head(at: start)
    switch head.type {
    case .unsigned:
      put(String(head.argument))
    case .negative:
      let (magnitude, overflow) = head.argument.addingReportingOverflow(1)
      put(overflow ? "-18446744073709551616" : "-" + String(magnitude))
    case .simple:
      switch reader.bytes[start] {
      case SimpleValue.false: put("false")
      case SimpleValue.true: put("true")
      default: put("null")
      }
    case .bytes:
      let content = try reader.content(of: head)
      put("h'")
      for byte in reader.bytes[content] { putHex(byte) }
      put("'")
      return content.upperBound
    case .text:
      let content = try reader.content(of: head)
      putText(reader.bytes[content])
      return content.upperBound
    case .array:
      let inner = try reader.nested(in: head, depth)
      let count = try reader.count(of: head)
      var position = head.end
      put("[")
      for index in 0..<count {
        if index > 0 { put(", ") }
        position = try printItem(at: position, depth: inner)
      }
      put("]")
      return position
    case .map:
      return try printMap(head, depth: reader.nested(in: head, depth))
    case .tag:
      let inner = try reader.nested(in: head, depth)
      put(String(head.argument))
      put("(")
      let end = try printItem(at: head.end, depth: inner)
      put(")")
      return end
    }
    return head.end
  }

  private mutating func printMap(_ head: CBORReader.Head, depth: Int) throws(CBORError) -> Int {
    let count = try reader.count(of: head)
    var position = head.end
    var previousKey: Range<Int>?
    put("{")
    for index in 0..<count {
      if index > 0 { put(", ") }
      let printed = output.count
      let key = position..<(try printItem(at: position, depth: depth))
      do throws(CBORError) {
        try reader.checkOrder(of: key, after: previousKey)
      } catch {
        output.removeSubrange(printed...)
        throw error
      }
      previousKey = key
      put(": ")
      position = try printItem(at: key.upperBound, depth: depth)
    }
    put("}")
    return position
  }

  /// A text string as in JSON (RFC 8259 §7).
  private mutating func putText(_ utf8: ArraySlice<UInt8>) {
    put("\"")
    for scalar in String(decoding: utf8, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\"": put("\\\"")
      case "\\": put("\\\\")
      case "\n": put("\\n")
      case "\r": put("\\r")
      case "\t": put("\\t")
      case _ where Self.disturbsTerminal(scalar):
        put("\\u")
        putHex(UInt8(truncatingIfNeeded: scalar.value >> 8))
        putHex(UInt8(truncatingIfNeeded: scalar.value))
      default: put(String(scalar))
      }
    }
    put("\"")
  }

  /// Control characters, line separators, and marks that change the direction of text; all within four hex digits.
  private static func disturbsTerminal(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f...0x9f, 0x061c, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x2069, 0xfeff: true
    default: false
    }
  }

  private mutating func put(_ text: String) {
    output.append(contentsOf: text.utf8)
  }

  private mutating func putHex(_ byte: UInt8) {
    for digit in [byte >> 4, byte & 0x0f] { output.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
  }
}
