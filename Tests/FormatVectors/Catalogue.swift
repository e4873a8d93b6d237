import CBOR
import Cryptography
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import TestSupport

/// All vectors, made anew: what Tests/Vectors holds.
struct Catalogue {
  private(set) var vectors: [NamedVector] = []
  /// What is wrong with places that vectors name.
  private var misplaced: [String] = []

  init() throws {
    try addEncodings()
    try addChains()
    try addPackages()
    try addManifests()
    try addGrants()
    try addTerms()
    try addDecisions()
    try addStatusDecisions()
    try addPayloads()
    try addFrames()
    try addIdentities()
    try addLayers()
    try addStatusLists()
    try addBundles()
    try addStorage()
    try addControlFiles()
    guard misplaced.isEmpty else { throw PlaceError(description: misplaced.joined(separator: "; ")) }
  }

  /// Where in an object a reader finds the fault.
  enum Place {
    case start
    case end
    case byte(Int)
    /// A number of bytes behind the beginning of some that there are only once.
    case found([UInt8], plus: Int = 0)
    /// As before, where they are the last of several.
    case foundLast([UInt8], plus: Int = 0)

    func offset(in object: [UInt8]) throws -> Int {
      switch self {
      case .start: return 0
      case .end: return object.count
      case .byte(let offset): return offset
      case .found(let bytes, let distance):
        let places = Self.places(of: bytes, in: object)
        guard let place = places.first, places.count == 1 else {
          throw PlaceError(description: "\(places.count) times \(hex(bytes))")
        }
        return place + distance
      case .foundLast(let bytes, let distance):
        guard let place = Self.places(of: bytes, in: object).last else {
          throw PlaceError(description: "nowhere \(hex(bytes))")
        }
        return place + distance
      }
    }

    private static func places(of bytes: [UInt8], in object: [UInt8]) -> [Int] {
      guard let first = bytes.first, object.count >= bytes.count else { return [] }
      return (0...(object.count - bytes.count)).filter {
        object[$0] == first && object[$0..<($0 + bytes.count)].elementsEqual(bytes)
      }
    }
  }

  struct PlaceError: Error, CustomStringConvertible {
    let description: String
  }

  /// - Parameters:
  ///   - name: of the file.
  ///   - vector: without the settings' headers.
  ///   - place: where the fault is, if parsing finds it.
  mutating func add(_ name: String, _ vector: Vector, _ settings: Settings?, at place: Place?) throws {
    var vector = vector
    settings?.add(to: &vector)
    do {
      if let place { vector.add("byte", "\(try place.offset(in: vector.object))") }
    } catch {
      // All of them are told at once.
      misplaced.append("\(name): \(error)")
    }
    vectors.append(NamedVector(path: "\(try vector.kind.rawValue)/\(name).txt", vector: vector))
  }

  static func expectation(_ refused: ErrorClass?) -> Vector.Expectation { refused.map { .refused($0) } ?? .success }
}

// MARK: Shorthands

extension [UInt8] {
  /// One item.
  static func item(_ text: String) -> [UInt8] { RawMap.item { $0.encode(ascii: Array(text.utf8)) } }
  static func item(_ number: UInt64) -> [UInt8] { RawMap.item { $0.encode(unsigned: number) } }
  static func item(_ bytes: [UInt8]) -> [UInt8] { RawMap.item { $0.encode(bytes: bytes) } }
  static func label(_ label: Int64) -> [UInt8] { RawMap.item { $0.encode(integer: label) } }

  /// 2^63, which is beyond every count (SPEC 11).
  static let tooLarge: [UInt8] = [0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]
  static let largest: [UInt8] = [0x1b] + [UInt8](repeating: 0xff, count: 8)
}

func digest(_ bytes: [UInt8]) throws -> [UInt8] { try SHA256.hash(bytes.span.bytes) }

func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

extension Catalogue {
  /// A number of bytes and their SHA-256.
  static func size(_ bytes: [UInt8]) throws -> String {
    "\(bytes.count) \(hex(try digest(bytes)))"
  }
}
