import CBOR
import CFuzzer
import FormatFixtures

/// Changes one item of CBOR, or of what lies in a byte string of it, so that all lengths around it still fit. Changes of
/// bytes alone hardly get past the first length.
enum StructureMutator {
  /// - Returns: nil for what isn't well formed, and for what would become too long.
  static func mutate(_ bytes: [UInt8], maximum: Int, _ chance: inout Chance) -> [UInt8]? {
    guard let tree = try? Tree(bytes), tree.count > 0 else { return nil }
    let place = chance.below(tree.count)
    let change = Change.allCases[chance.below(Change.allCases.count)]
    // Something to put there, which may be any item of the same object.
    var other: [UInt8] = [0xf6]
    if change == .replace || change == .insert {
      let source = chance.below(tree.count)
      _ = tree.encoded { number, node, parts in
        if number == source { other = Tree.encode(node, parts) }
        return nil
      }
    }
    let mutated = tree.encoded { number, node, parts in
      number == place ? change.made(of: node, parts, other, &chance) : nil
    }
    return mutated.count <= maximum ? mutated : nil
  }

  private enum Change: CaseIterable {
    case content, number, replace, simple, insert, remove, exchange, repeated, head, wrap

    /// The item's encoding after the change; nil for none.
    func made(
      of node: Tree.Node, _ parts: [[UInt8]], _ other: [UInt8], _ chance: inout Chance
    ) -> [UInt8]? {
      let step = node.type == .map ? 2 : 1
      switch self {
      case .content:
        guard node.type == .bytes || node.type == .text else { return number(node, &chance) }
        let content = Self.changed(Array(parts.joined()))
        return Tree.head(node.type, UInt64(content.count)) + content
      case .number: return number(node, &chance)
      case .replace: return other
      case .simple:
        let items: [[UInt8]] = [
          [0xf6], [0xf5], [0xf4], [0], [0x20], [0x40], [0x60], [0x80], [0xa0], [0x1b] + Self.ones,
        ]
        return items[chance.below(items.count)]
      case .insert:
        guard node.type == .array || node.type == .map else { return nil }
        var items = Self.groups(parts, step)
        items.insert(step == 2 ? [UInt8(chance.below(24))] + other : other, at: chance.below(items.count + 1))
        return Self.collection(node.type, items)
      case .remove, .exchange, .repeated:
        guard node.type == .array || node.type == .map, !parts.isEmpty else { return nil }
        var items = Self.groups(parts, step)
        let index = chance.below(items.count)
        switch self {
        case .remove: items.remove(at: index)
        case .exchange: items.swapAt(index, chance.below(items.count))
        default: items.insert(items[index], at: index)
        }
        return Self.collection(node.type, items)
      case .head:
        let sizes: [UInt64] = [
          0, 1, 23, 24, 255, 256, 65_535, 65_536, 1 << 32, 1 << 63, .max, UInt64(chance.below(256)),
        ]
        let types: [CBORType] = [.unsigned, .negative, .bytes, .text, .array, .map, .tag]
        let type = chance.below(2) == 0 ? node.type : types[chance.below(types.count)]
        return Tree.head(type, sizes[chance.below(sizes.count)]) + parts.joined()
      case .wrap:
        let item = Tree.encode(node, parts)
        return chance.below(2) == 0 ? Tree.head(.bytes, UInt64(item.count)) + item : Tree.head(.array, 1) + item
      }
    }

    private func number(_ node: Tree.Node, _ chance: inout Chance) -> [UInt8]? {
      guard node.type == .unsigned || node.type == .negative || node.type == .tag else { return nil }
      let numbers: [UInt64] = [
        0, 1, 2, 23, 24, 63, 255, 256, 16_399, 16_400, 16_401, 65_535, 65_536, 262_400, 1_049_600, 1 << 31, 1 << 32,
        1 << 62, (1 << 63) - 1, 1 << 63, .max, node.argument &+ 1, node.argument &- 1, node.argument &* 2,
        node.argument ^ 1 << UInt64(chance.below(64)),
      ]
      return Tree.head(node.type, numbers[chance.below(numbers.count)])
    }

    private static let ones = [UInt8](repeating: 0xff, count: 8)

    /// Has libFuzzer change bytes, which may make them a little longer.
    private static func changed(_ bytes: [UInt8]) -> [UInt8] {
      let room = bytes.count + 16
      return [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        _ = buffer.initialize(fromContentsOf: bytes)
        buffer[bytes.count...].initialize(repeating: 0)
        count = LLVMFuzzerMutate(buffer.baseAddress, bytes.count, room)
      }
    }

    private static func groups(_ parts: [[UInt8]], _ size: Int) -> [[UInt8]] {
      stride(from: 0, to: parts.count, by: size).map { Array(parts[$0..<min($0 + size, parts.count)].joined()) }
    }

    private static func collection(_ type: CBORType, _ items: [[UInt8]]) -> [UInt8] {
      Tree.head(type, UInt64(items.count)) + items.joined()
    }
  }
}

/// Chance that is the same for the same seed (SplitMix64).
struct Chance {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// A number from 0 to one less than the limit, which isn't 0.
  mutating func below(_ limit: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((mixed ^ mixed >> 31) % UInt64(limit))
  }
}
