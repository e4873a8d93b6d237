import CBOR

extension FuzzTarget {
  /// The reader: what it takes is written again as the same bytes, and all ways to read agree.
  static let cbor = FuzzTarget(name: "cbor") { bytes in
    let diagnostic = CBORDiagnostic(bytes)
    var reader = CBORReader(bytes)
    let failure = failure { () throws(CBORError) in
      try reader.skipItem()
      try reader.finish()
    }
    expect(failure == diagnostic.error, "passing over an item and printing it disagree")
    if let failure {
      expect((0...bytes.count).contains(failure.offset), "a fault lies outside of the input")
      return true
    }
    var walker = CBORReader(bytes)
    var encoder = CBOREncoder()
    expect(CBORTarget.copy(&walker, to: &encoder), "what is well formed can't be read item by item")
    expect(walker.isAtEnd && encoder.bytes == bytes, "what was read isn't written as it was")
    return true
  } seeds: {
    // What is in storage files is encrypted, and long.
    $0.kind == "storage" ? [] : [$0.object]
  }

  private static func failure(_ body: () throws(CBORError) -> Void) -> CBORError? {
    do throws(CBORError) {
      try body()
      return nil
    } catch {
      return error
    }
  }
}

private enum CBORTarget {
  /// Reads an item with the methods for its type, and writes it.
  static func copy(_ reader: inout CBORReader, to encoder: inout CBOREncoder) -> Bool {
    do throws(CBORError) {
      try copyItem(&reader, to: &encoder)
      return true
    } catch {
      return false
    }
  }

  private static func copyItem(_ reader: inout CBORReader, to encoder: inout CBOREncoder) throws(CBORError) {
    switch try reader.peekType() {
    case .unsigned: encoder.encode(unsigned: try reader.readUnsigned())
    case .negative:
      // Those that don't fit 64 bits are well formed, but nothing that can be read.
      if let number = attempt({ () throws(CBORError) in try reader.readInteger() }) {
        encoder.encode(integer: number)
      } else {
        encoder.encode(encoded: try reader.skipItem())
      }
    case .bytes: encoder.encode(bytes: try reader.readBytes())
    case .text: try encoder.encode(textUTF8: try reader.readText())
    case .tag:
      encoder.tag(try reader.readTag())
      try copyItem(&reader, to: &encoder)
    case .simple:
      if reader.nextIsNull {
        try reader.readNull()
        encoder.encodeNull()
      } else {
        encoder.encode(bool: try reader.readBool())
      }
    case .array:
      let count = try reader.readArrayHeader()
      encoder.beginArray(count)
      for _ in 0..<count { try copyItem(&reader, to: &encoder) }
    case .map: try copyMap(&reader, to: &encoder)
    }
  }

  private static func copyMap(_ reader: inout CBORReader, to encoder: inout CBOREncoder) throws(CBORError) {
    var map = try reader.readMap()
    encoder.beginMap(map.remaining)
    while map.remaining > 0 {
      switch try reader.peekType() {
      case .text:
        guard let key = try reader.nextTextKey(&map) else { return }
        try encoder.encode(textUTF8: key)
      case .unsigned, .negative:
        var ahead = reader
        guard attempt({ () throws(CBORError) in try ahead.readInteger() }) != nil else { fallthrough }
        guard let key = try reader.nextIntegerKey(&map) else { return }
        encoder.encode(integer: key)
      default:
        // Keys of other types have no reader: the rest of this map is taken as it is.
        for _ in 0..<(2 * map.remaining) { encoder.encode(encoded: try reader.skipItem()) }
        return
      }
      try copyItem(&reader, to: &encoder)
    }
  }
}
