import CBOR
import ErrorClass

/// What a vendor tells devices to refuse from now on (SPEC 5.3).
public struct StatusList: Equatable, Sendable {
  /// The names that it speaks for; never empty.
  public var scope: Scope
  /// Counts up per scope, from 1.
  public var number: UInt64
  /// Seconds since 1970.
  public var issuedAt: UInt64
  /// SHA-256 of the manifests of refused packages, 32 bytes each, ascending.
  public var packages: [[UInt8]] = []
  /// Thumbprints of refused signing keys, 32 bytes each, ascending.
  public var keys: [[UInt8]] = []
  /// Refused versions, in the order of their encodings.
  public var versions: [RefusedVersions] = []
  /// Lowest security versions, in the order of their encodings.
  public var floors: [SecurityFloor] = []

  public struct RefusedVersions: Equatable, Sendable {
    public let module: Name
    public let range: VersionRange

    public init(_ module: Name, _ range: VersionRange) {
      self.module = module
      self.range = range
    }
  }

  public struct SecurityFloor: Equatable, Sendable {
    public let module: Name
    /// The lowest security version that is still good.
    public let lowest: UInt64

    public init(_ module: Name, _ lowest: UInt64) {
      self.module = module
      self.lowest = lowest
    }
  }

  public static let type: StaticString = "application/husk-status+cbor"
  static let formatVersion: UInt64 = 1

  public init(scope: Scope, number: UInt64, issuedAt: UInt64) {
    self.scope = scope
    self.number = number
    self.issuedAt = issuedAt
  }

  /// Encodes the list, whatever the order in which its entries are.
  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(Label.formatVersion) { $0.encode(unsigned: Self.formatVersion) }
      map.set(Label.scope) { $0.encode(ascii: scope.bytes) }
      map.set(Label.number) { $0.encode(unsigned: number) }
      map.set(Label.issuedAt) { $0.encode(unsigned: issuedAt) }
      Self.set(Label.packages, packages.map { $0.encodedAsBytes }, &map)
      Self.set(Label.keys, keys.map { $0.encodedAsBytes }, &map)
      Self.set(Label.versions, versions.map { $0.encoded }, &map)
      Self.set(Label.floors, floors.map { $0.encoded }, &map)
    }
    return encoder.bytes
  }

  /// Parses a list's payload. Believe it only if it was verified, or comes from where only verified lists are kept.
  public init(parsing payload: ArraySlice<UInt8>) throws(FormatError) {
    let start = payload.startIndex
    let fields = try parsing(.statusList) { () throws(CBORError) in try Fields(payload) }
    try require(version: fields.formatVersion, Self.formatVersion, in: .statusList, at: start)
    scope = try require(fields.scope, in: .statusList, at: start)
    number = try require(fields.number, in: .statusList, at: start)
    issuedAt = try require(fields.issuedAt, in: .statusList, at: start)
    packages = fields.packages
    keys = fields.keys
    versions = fields.versions
    floors = fields.floors
    guard versions.allSatisfy({ scope.covers($0.module) }), floors.allSatisfy({ scope.covers($0.module) }) else {
      throw FormatError(.malformed, in: .statusList, at: start)
    }
  }
}

extension StatusList {
  private enum Label {
    static let formatVersion: Int64 = 1
    static let scope: Int64 = 2
    static let number: Int64 = 3
    static let issuedAt: Int64 = 4
    static let packages: Int64 = 5
    static let keys: Int64 = 6
    static let versions: Int64 = 7
    static let floors: Int64 = 8
  }

  /// An array of encoded entries in their order, each once; nothing for none.
  private static func set(_ label: Int64, _ entries: [[UInt8]], _ map: inout CBORMapEncoder) {
    guard !entries.isEmpty else { return }
    var sorted: [[UInt8]] = []
    for entry in entries.sorted(by: { $0.lexicographicallyPrecedes($1) }) where sorted.last != entry {
      sorted.append(entry)
    }
    map.set(label) { item in
      item.beginArray(sorted.count)
      for entry in sorted { item.encode(encoded: entry) }
    }
  }

  /// The members as they come.
  private struct Fields {
    var formatVersion: UInt64?
    var scope: Scope?
    var number: UInt64?
    var issuedAt: UInt64?
    var packages: [[UInt8]] = []
    var keys: [[UInt8]] = []
    var versions: [RefusedVersions] = []
    var floors: [SecurityFloor] = []

    init(_ payload: ArraySlice<UInt8>) throws(CBORError) {
      var reader = try CBORReader(wholeItem: payload)
      var map = try reader.readMap()
      while let label = try reader.nextIntegerKey(&map) {
        let start = reader.position
        switch label {
        case Label.formatVersion:
          formatVersion = try reader.readUnsigned()
          // What another version's labels mean is unknown here: it is refused for its version.
          guard formatVersion == StatusList.formatVersion else { return }
        case Label.scope:
          scope = Scope(try reader.readText())
          guard let scope, scope != .everything else { throw CBORError(.outOfRange, at: start) }
        case Label.number:
          number = try reader.readCount()
          guard number != 0 else { throw CBORError(.outOfRange, at: start) }
        case Label.issuedAt: issuedAt = try reader.readCount()
        case Label.packages: packages = try Self.entries(&reader) { (r) throws(CBORError) in try r.readThumbprint() }
        case Label.keys: keys = try Self.entries(&reader) { (r) throws(CBORError) in try r.readThumbprint() }
        case Label.versions:
          versions = try Self.entries(&reader) { (r) throws(CBORError) in try RefusedVersions(&r) }
        case Label.floors: floors = try Self.entries(&reader) { (r) throws(CBORError) in try SecurityFloor(&r) }
        default: throw CBORError(.unknownKey, at: start)
        }
      }
    }

    /// Reads entries, which must ascend by their encodings.
    private static func entries<Entry>(
      _ reader: inout CBORReader, _ read: (inout CBORReader) throws(CBORError) -> Entry
    ) throws(CBORError) -> [Entry] {
      let start = reader.position
      let count = try reader.readArrayHeader(atMost: Limits.statusEntries)
      guard count > 0 else { throw CBORError(.outOfRange, at: start) }
      var entries: [Entry] = []
      var previous: ArraySlice<UInt8> = []
      for _ in 0..<count {
        let place = reader.position
        var ahead = reader
        let encoding = try ahead.skipItem()
        guard previous.lexicographicallyPrecedes(encoding) else { throw CBORError(.nonCanonical, at: place) }
        previous = encoding
        entries.append(try read(&reader))
      }
      return entries
    }
  }
}

extension StatusList.RefusedVersions {
  fileprivate var encoded: [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(ascii: module.bytes)
    range.encode(to: &encoder)
    return encoder.bytes
  }

  fileprivate init(_ reader: inout CBORReader) throws(CBORError) {
    try reader.expectArray(of: 2)
    self.init(try reader.readName(), try VersionRange(&reader))
  }
}

extension StatusList.SecurityFloor {
  fileprivate var encoded: [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(ascii: module.bytes)
    encoder.encode(unsigned: lowest)
    return encoder.bytes
  }

  fileprivate init(_ reader: inout CBORReader) throws(CBORError) {
    try reader.expectArray(of: 2)
    self.init(try reader.readName(), try reader.readUnsigned())
  }
}

extension [UInt8] {
  fileprivate var encodedAsBytes: [UInt8] {
    var encoder = CBOREncoder()
    encoder.encode(bytes: self)
    return encoder.bytes
  }
}
