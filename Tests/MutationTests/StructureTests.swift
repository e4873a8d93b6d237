import CBOR
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport
import Testing

@testable import FormatVectors

/// Changes of every item's encoding, with all lengths around it fitting (SPEC 1.1). What is signed doesn't verify any more,
/// but that isn't looked at before the encoding.
@Suite("Mutated encodings")
struct StructureTests {
  /// A way to write an item that SPEC 1.1 doesn't allow; nil where it makes no difference.
  private struct Way: Sendable {
    let name: String
    let write: @Sendable (Tree.Node, [[UInt8]]) -> [UInt8]?
  }

  /// The head with another argument, and what was in the item.
  private static func replacingHead(_ node: Tree.Node, _ parts: [[UInt8]], _ head: [UInt8]) -> [UInt8] {
    head + parts.joined()
  }

  private static func size(_ node: Tree.Node, _ parts: [[UInt8]]) -> UInt64 {
    node.type == .bytes || node.type == .text ? UInt64(parts.joined().count) : node.argument
  }

  private static func isCollection(_ type: CBORType) -> Bool { [.bytes, .text, .array, .map].contains(type) }

  private static let ways: [Way] = [
    Way(name: "not in the shortest form") { node, parts in
      guard node.type != .simple else { return [0xf8, 20] }
      let size = size(node, parts)
      let width = size < 24 ? 1 : size < 256 ? 2 : size < 65_536 ? 4 : 8
      return size < 1 << 32 ? replacingHead(node, parts, Tree.head(node.type, size, width: width)) : nil
    },
    Way(name: "of indefinite length") { node, parts in
      guard isCollection(node.type) else { return nil }
      let chunks = node.type == .bytes || node.type == .text ? Tree.encode(node, parts) : Array(parts.joined())
      return [node.type.rawValue << 5 | 31] + chunks + [0xff]
    },
    Way(name: "of a length of 2^32") { node, parts in
      isCollection(node.type) ? replacingHead(node, parts, Tree.head(node.type, 1 << 32)) : nil
    },
    Way(name: "of a length of 2^63") { node, parts in
      isCollection(node.type) ? replacingHead(node, parts, Tree.head(node.type, 1 << 63)) : nil
    },
    Way(name: "of a length of 2^64 - 1") { node, parts in
      isCollection(node.type) ? replacingHead(node, parts, Tree.head(node.type, .max)) : nil
    },
    Way(name: "of an array of four billion") { _, _ in Tree.head(.array, .init(UInt32.max)) },
    Way(name: "with reserved information") { node, parts in
      replacingHead(node, parts, [node.type.rawValue << 5 | 28])
    },
    Way(name: "a floating-point number") { _, _ in [0xf9, 0x3c, 0] },
    Way(name: "undefined") { _, _ in [0xf7] },
    Way(name: "a break") { _, _ in [0xff] },
    Way(name: "nested too deep") { node, parts in
      [UInt8](repeating: 0x81, count: 17) + Tree.encode(node, parts)
    },
    Way(name: "nested without end") { _, _ in [UInt8](repeating: 0x81, count: 4096) },
    Way(name: "tagged without end") { _, _ in [UInt8](repeating: 0xc6, count: 4096) },
    Way(name: "with its first two entries in the wrong order") { node, parts in
      guard node.type == .map, node.argument >= 2 else { return nil }
      return Tree.encode(node, [parts[2], parts[3], parts[0], parts[1]] + parts[4...])
    },
    Way(name: "with its last entry twice") { node, parts in
      guard node.type == .map, node.argument >= 1 else { return nil }
      return Tree.head(.map, node.argument + 1) + parts.joined() + parts.suffix(2).joined()
    },
    Way(name: "with an unknown key") { node, parts in
      guard node.type == .map else { return nil }
      return Tree.head(.map, node.argument + 1) + parts.joined() + [
        0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,
      ]
    },
    Way(name: "text that isn't UTF-8") { node, _ in node.type == .text ? [0x62, 0xc3, 0x28] : nil },
  ]

  @Test("any item, in any way that isn't the one")
  func structure() throws {
    var tally = Tally()
    for subject in Subject.all {
      let tree = try Tree(subject.bytes)
      #expect(tree.encoded == subject.bytes)
      for target in 0..<tree.count {
        for way in Self.ways {
          var isChanged = false
          let bytes = tree.encoded { number, node, parts in
            guard number == target, let changed = way.write(node, parts) else { return nil }
            isChanged = true
            return changed
          }
          guard isChanged else { continue }
          tally.check(
            subject.refusal(of: bytes), among: Self.classes(of: tree.places[target], in: subject),
            "\(subject.testDescription), item \(target) \(way.name)")
        }
      }
    }
    tally.record("encodings")
  }

  /// Malformed, but for three places: a manifest's declared length has a limit of its own, a payload's is compared with the
  /// manifest's, and a protected header without its typ is that of another kind of object.
  private static func classes(of place: Int, in subject: Subject) -> Set<ErrorClass> {
    let site = subject.sites.first { $0.range.contains(place) }?.description ?? ""
    if site == "manifest's head" { return [.malformed, .limitExceeded] }
    if site == "payload's head" { return [.malformed, .sizeMismatch] }
    return site.hasSuffix("protected header") ? [.malformed, .roleMismatch] : [.malformed]
  }
}
