import CBOR

/// Any item of the supported subset, decoded and encoded again through the public API alone.
indirect enum GenericItem {
  case unsigned(UInt64)
  case negative(Int64)
  /// A negative integer below `Int64.min`, for which there is no typed reader or encoder.
  case hugeNegative([UInt8])
  case bytes([UInt8])
  case text([UInt8])
  case array([GenericItem])
  case integerMap([(key: Int64, value: GenericItem)])
  case textMap([(key: [UInt8], value: GenericItem)])
  /// A map with other keys than integers only or texts only.
  case otherMap([UInt8])
  case tagged(UInt64, GenericItem)
  case bool(Bool)
  case null

  static func decode(_ encoded: [UInt8]) throws(CBORError) -> GenericItem {
    var reader = CBORReader(encoded)
    let item = try GenericItem(&reader)
    try reader.finish()
    return item
  }

  init(_ reader: inout CBORReader) throws(CBORError) {
    switch try reader.peekType() {
    case .unsigned: self = .unsigned(try reader.readUnsigned())
    case .negative:
      let start = reader
      do throws(CBORError) {
        self = .negative(try reader.readInteger())
      } catch {
        guard error.kind == .outOfRange else { throw error }
        reader = start
        self = .hugeNegative(Array(try reader.skipItem()))
      }
    case .bytes: self = .bytes(Array(try reader.readBytes()))
    case .text: self = .text(Array(try reader.readText()))
    case .array:
      var items: [GenericItem] = []
      for _ in 0..<(try reader.readArrayHeader()) { items.append(try GenericItem(&reader)) }
      self = .array(items)
    case .map: self = try Self.map(&reader)
    case .tag:
      let number = try reader.readTag()
      self = .tagged(number, try GenericItem(&reader))
    case .simple:
      if reader.nextIsNull {
        try reader.readNull()
        self = .null
      } else {
        self = .bool(try reader.readBool())
      }
    }
  }

  private static func map(_ reader: inout CBORReader) throws(CBORError) -> GenericItem {
    let start = reader
    var map = try reader.readMap()
    guard map.remaining > 0 else { return .integerMap([]) }
    do throws(CBORError) {
      switch try reader.peekType() {
      case .unsigned, .negative:
        var entries: [(key: Int64, value: GenericItem)] = []
        while let key = try reader.nextIntegerKey(&map) { entries.append((key, try GenericItem(&reader))) }
        return .integerMap(entries)
      case .text:
        var entries: [(key: [UInt8], value: GenericItem)] = []
        while let key = try reader.nextTextKey(&map) { entries.append((Array(key), try GenericItem(&reader))) }
        return .textMap(entries)
      default: break
      }
    } catch {
      guard error.kind == .unexpectedType || error.kind == .outOfRange else { throw error }
    }
    reader = start
    return .otherMap(Array(try reader.skipItem()))
  }

  func encode(into encoder: inout CBOREncoder) throws(CBORError) {
    switch self {
    case .unsigned(let value): encoder.encode(unsigned: value)
    case .negative(let value): encoder.encode(integer: value)
    case .hugeNegative(let item), .otherMap(let item): encoder.encode(encoded: item)
    case .bytes(let bytes): encoder.encode(bytes: bytes)
    case .text(let utf8): try encoder.encode(textUTF8: utf8)
    case .array(let items):
      encoder.beginArray(items.count)
      for item in items { try item.encode(into: &encoder) }
    case .integerMap(let entries):
      try encoder.encodeMap { map throws(CBORError) in
        // Backwards, so that the map has to sort them.
        for entry in entries.reversed() {
          try map.set(entry.key) { value throws(CBORError) in try entry.value.encode(into: &value) }
        }
      }
    case .textMap(let entries):
      try encoder.encodeMap { map throws(CBORError) in
        for entry in entries {
          try map.set(textUTF8: entry.key) { value throws(CBORError) in try entry.value.encode(into: &value) }
        }
      }
    case .tagged(let number, let item):
      encoder.tag(number)
      try item.encode(into: &encoder)
    case .bool(let value): encoder.encode(bool: value)
    case .null: encoder.encodeNull()
    }
  }

  func encoded() throws(CBORError) -> [UInt8] {
    var encoder = CBOREncoder()
    try encode(into: &encoder)
    return encoder.bytes
  }
}
