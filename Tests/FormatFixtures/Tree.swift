public import CBOR

/// An encoded item taken apart, down to the items in byte strings, so that one of its heads can be written in other ways
/// while all lengths around it still fit.
public struct Tree: Sendable {
  /// The items of a sequence; one for most files.
  private let roots: [Node]
  /// Where each item begins, those in byte strings included, in the order of their heads.
  public let places: [Int]
  public var count: Int { places.count }

  public struct Node: Sendable {
    public let type: CBORType
    public let argument: UInt64
    fileprivate let content: Content

    /// How many items an array or map has directly in it.
    public var itemCount: Int {
      if case .items(let items) = content { return items.count }
      return 0
    }
  }

  fileprivate enum Content: Sendable {
    case raw([UInt8])
    case items([Node])
    case encoded([Node])
  }

  /// - Parameter bytes: a well-formed sequence.
  public init(_ bytes: [UInt8]) throws {
    var places: [Int] = []
    roots = try Self.read(bytes[...], &places, depth: 0)
    self.places = places
  }

  public var encoded: [UInt8] { encoded { _, _, _ in nil } }

  /// Writes everything anew, asking for each item, in the order of their heads, what is to stand in its place.
  ///
  /// - Parameter change: gets the item's number, the item, and the encodings of what is in it; nil for no change.
  public func encoded(_ change: (Int, Node, [[UInt8]]) -> [UInt8]?) -> [UInt8] {
    var number = 0
    return roots.flatMap { Self.write($0, &number, change) }
  }

  /// The item's usual encoding, from those of what is in it.
  public static func encode(_ node: Node, _ parts: [[UInt8]]) -> [UInt8] {
    let body = Array(parts.joined())
    switch node.type {
    case .bytes, .text: return head(node.type, UInt64(body.count)) + body
    default: return head(node.type, node.argument) + body
    }
  }

  public static func head(_ type: CBORType, _ argument: UInt64) -> [UInt8] {
    let first = type.rawValue << 5
    switch argument {
    case 0..<24: return [first | UInt8(argument)]
    case 24..<256: return head(type, argument, width: 1)
    case 256..<65_536: return head(type, argument, width: 2)
    case 65_536..<(1 << 32): return head(type, argument, width: 4)
    default: return head(type, argument, width: 8)
    }
  }

  /// A head with an argument in so many bytes, be it the fewest or not.
  public static func head(_ type: CBORType, _ argument: UInt64, width: Int) -> [UInt8] {
    let information = UInt8(24 + width.trailingZeroBitCount)
    return [type.rawValue << 5 | information]
      + (0..<width).reversed().map { UInt8(truncatingIfNeeded: argument >> UInt64(8 * $0)) }
  }
}

extension Tree {
  /// How many byte strings are looked into that lie in one another.
  private static let maximumDepth = 8

  private static func read(_ sequence: ArraySlice<UInt8>, _ places: inout [Int], depth: Int) throws -> [Node] {
    var reader = CBORReader(sequence)
    var nodes: [Node] = []
    while !reader.isAtEnd {
      // What is nested too deep isn't descended into.
      var ahead = reader
      try ahead.skipItem()
      nodes.append(try read(&reader, &places, depth: depth))
    }
    return nodes
  }

  private static func read(_ reader: inout CBORReader, _ places: inout [Int], depth: Int) throws -> Node {
    places.append(reader.position)
    let type = try reader.peekType()
    switch type {
    case .bytes:
      let bytes = try reader.readBytes()
      return Node(type: type, argument: UInt64(bytes.count), content: content(of: bytes, &places, depth: depth))
    case .text:
      let text = Array(try reader.readText())
      return Node(type: type, argument: UInt64(text.count), content: .raw(text))
    case .array:
      let count = try reader.readArrayHeader()
      return Node(type: type, argument: UInt64(count), content: .items(try read(count, &reader, &places, depth: depth)))
    case .map:
      let count = try reader.readMap().remaining
      let entries = try read(2 * count, &reader, &places, depth: depth)
      return Node(type: type, argument: UInt64(count), content: .items(entries))
    case .tag:
      let number = try reader.readTag()
      return Node(type: type, argument: number, content: .items(try read(1, &reader, &places, depth: depth)))
    case .unsigned: return Node(type: type, argument: try reader.readUnsigned(), content: .raw([]))
    case .negative: return Node(type: type, argument: UInt64(-1 - (try reader.readInteger())), content: .raw([]))
    case .simple:
      let item = Array(try reader.skipItem())
      return Node(type: type, argument: UInt64(item[0] & 0x1f), content: .raw([]))
    }
  }

  private static func read(
    _ count: Int, _ reader: inout CBORReader, _ places: inout [Int], depth: Int
  ) throws -> [Node] {
    var nodes: [Node] = []
    for _ in 0..<count { nodes.append(try read(&reader, &places, depth: depth)) }
    return nodes
  }

  /// What a byte string holds, if that is one item of CBOR with others in it.
  private static func content(of bytes: ArraySlice<UInt8>, _ places: inout [Int], depth: Int) -> Content {
    var inner: [Int] = []
    guard depth < maximumDepth, let first = bytes.first, (4...6).contains(first >> 5),
      let nodes = try? read(bytes, &inner, depth: depth + 1), nodes.count == 1
    else { return .raw(Array(bytes)) }
    places += inner
    return .encoded(nodes)
  }

  private static func write(
    _ node: Node, _ number: inout Int, _ change: (Int, Node, [[UInt8]]) -> [UInt8]?
  ) -> [UInt8] {
    let own = number
    number += 1
    let parts: [[UInt8]]
    switch node.content {
    case .raw(let bytes): parts = [bytes]
    case .items(let items), .encoded(let items): parts = items.map { write($0, &number, change) }
    }
    return change(own, node, parts) ?? encode(node, parts)
  }
}
