public import CBOR

/// A CBOR map that tests take apart and put together again in ways that no encoder would.
public struct RawMap {
  /// Encoded keys and values.
  public var entries: [(key: [UInt8], value: [UInt8])]

  /// Takes a well-formed map with integer keys apart.
  public init(_ encoded: [UInt8]) {
    entries = succeed { () throws in
      var reader = CBORReader(encoded)
      var entries: [(key: [UInt8], value: [UInt8])] = []
      var map = try reader.readMap()
      while let key = try reader.nextIntegerKey(&map) {
        entries.append((Self.item { $0.encode(integer: key) }, Array(try reader.skipItem())))
      }
      try reader.finish()
      return entries
    }
  }

  /// The map, with its entries in the order they have now.
  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    // The head of an array tells the length in the same way.
    encoder.beginArray(entries.count)
    var bytes = encoder.bytes
    bytes[0] |= 0x20
    for entry in entries { bytes += entry.key + entry.value }
    return bytes
  }

  public var labels: [Int64] {
    entries.map { entry in
      succeed { () throws in
        var reader = CBORReader(entry.key)
        return try reader.readInteger()
      }
    }
  }

  public func value(_ label: Int64) -> [UInt8]? {
    labels.firstIndex(of: label).map { entries[$0].value }
  }

  public mutating func remove(_ label: Int64) {
    entries.removeAll { $0.key == Self.key(label) }
  }

  /// Replaces a value or adds an entry in its place.
  public mutating func set(_ label: Int64, to value: [UInt8]) {
    remove(label)
    let key = Self.key(label)
    let place = entries.firstIndex { key.lexicographicallyPrecedes($0.key) } ?? entries.endIndex
    entries.insert((key, value), at: place)
  }

  /// Encodes one item.
  public static func item(_ body: (inout CBOREncoder) -> Void) -> [UInt8] {
    var encoder = CBOREncoder()
    body(&encoder)
    return encoder.bytes
  }

  private static func key(_ label: Int64) -> [UInt8] {
    item { $0.encode(integer: label) }
  }
}

/// Changes encoded bytes before they are signed.
public typealias Edit = @Sendable ([UInt8]) -> [UInt8]

/// An edit of a map's entries.
public func editMap(_ change: @escaping @Sendable (inout RawMap) -> Void) -> Edit {
  { bytes in
    var map = RawMap(bytes)
    change(&map)
    return map.encoded()
  }
}

/// Ways to break the grammar of a map, whatever it means. Each is `malformed` (SPEC 1.1).
public struct Breakage: Sendable, CustomStringConvertible {
  public let description: String
  public let edit: Edit

  /// All ways for a map whose labels are `required` and others.
  public static func all(required: [Int64]) -> [Breakage] {
    var ways = [
      Breakage("with an unknown label", editMap { $0.set(20, to: [0]) }),
      Breakage("with an unknown negative label", editMap { $0.set(-20, to: [0]) }),
      Breakage("with a text label", editMap { $0.entries.append(([0x61, 0x61], [0])) }),
      Breakage("with many unknown labels", editMap { map in for label in 30..<60 { map.set(Int64(label), to: [0]) } }),
      Breakage("with a label twice", editMap { $0.entries.insert($0.entries[1], at: 1) }),
      Breakage("with labels out of order", editMap { $0.entries.swapAt(1, 2) }),
      Breakage("with a byte behind it") { $0 + [0] },
      Breakage("without its last byte") { $0.dropLast() },
      Breakage("with a label not in its shortest form", editMap { $0.entries[1].key.insert(0x18, at: 0) }),
      Breakage("with one entry fewer than it says") { [$0[0] + 1] + $0.dropFirst() },
      Breakage("of indefinite length") { [0xbf] + $0.dropFirst() + [0xff] },
      Breakage("that is empty") { _ in [0xa0] },
      Breakage("that is null") { _ in [0xf6] },
      Breakage("of no bytes") { _ in [] },
    ]
    for label in required { ways.append(Breakage("without label \(label)", editMap { $0.remove(label) })) }
    return ways
  }

  /// Ways to make the value of each label one of another type, or one that is no CBOR of Husk's.
  public static func values(of labels: [Int64]) -> [Breakage] {
    let values: [(String, [UInt8])] = [
      ("null", [0xf6]), ("a float", [0xf9, 0, 0]), ("undefined", [0xf7]), ("a tagged zero", [0xc1, 0]),
      ("an empty map", [0xa0]), ("an empty array", [0x80]), ("a long zero", [0x18, 0]), ("minus one", [0x20]),
    ]
    return labels.flatMap { label in
      values.map { name, value in
        Breakage("with \(name) under label \(label)", editMap { $0.set(label, to: value) })
      }
    }
  }

  public init(_ description: String, _ edit: @escaping Edit) {
    self.description = description
    self.edit = edit
  }
}
