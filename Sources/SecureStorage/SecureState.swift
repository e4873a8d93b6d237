import CBOR
public import ErrorClass
public import HuskFormat

/// What a decryptor remembers across boots (SPEC 7.8).
public struct SecureState: Equatable, Sendable {
  /// Part of the grant key's derivation: changes when the storage was lost.
  public let generation: UInt64
  private var sequences: [Entry<Name>] = []
  /// The highest status list seen per scope.
  public private(set) var statusMarks: [StatusMark] = []
  private var times: [Entry<Scope>] = []

  private struct Entry<Key: Equatable & Sendable>: Equatable, Sendable {
    let key: Key
    var value: UInt64
  }

  /// How many modules, list scopes and vendor scopes are remembered at most.
  public static let modules = 256
  public static let scopes = 64

  /// A new device's, or one's that lost its storage.
  public init(generation: UInt64) {
    self.generation = generation
  }

  /// The highest sequence number seen in grants for a module; 0 for none.
  public func highestSequence(of module: Name) -> UInt64 {
    sequences.first { $0.key == module }?.value ?? 0
  }

  /// The latest signed time seen in objects of a vendor scope; 0 for none.
  public func time(in vendorScope: Scope) -> UInt64 {
    times.first { $0.key == vendorScope }?.value ?? 0
  }

  /// Takes notice of a module that is about to be released.
  ///
  /// - Throws: `limitExceeded` if there are too many modules or scopes; `rollback` for a number below the highest.
  public mutating func record(
    _ module: Name, sequence: UInt64, vendorScope: Scope, time: UInt64
  ) throws(ErrorClass) {
    guard sequence >= highestSequence(of: module) else { throw .rollback }
    try Self.raise(&sequences, module, to: sequence, atMost: Self.modules)
    try Self.raise(&times, vendorScope, to: time, atMost: Self.scopes)
  }

  /// Takes notice of a status list that was verified.
  ///
  /// - Throws: `rollback`, `limitExceeded` (SPEC 5.3).
  public mutating func record(_ mark: StatusMark) throws(ErrorClass) {
    do throws(FormatError) {
      if let index = statusMarks.firstIndex(where: { $0.scope == mark.scope }) {
        try statusMarks[index].checkSuccessor(mark)
        statusMarks[index] = mark
      } else {
        try mark.checkFirst()
        guard statusMarks.count < Self.scopes else { throw FormatError(.limitExceeded, in: .statusList) }
        statusMarks.append(mark)
      }
    } catch {
      throw error.errorClass
    }
  }

  private static func raise<Key: Equatable>(
    _ entries: inout [Entry<Key>], _ key: Key, to value: UInt64, atMost limit: Int
  ) throws(ErrorClass) {
    if let index = entries.firstIndex(where: { $0.key == key }) {
      entries[index].value = max(entries[index].value, value)
    } else {
      guard entries.count < limit else { throw .limitExceeded }
      entries.append(Entry(key: key, value: value))
    }
  }
}

extension SecureState {
  private static let version: UInt64 = 1

  func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(1) { $0.encode(unsigned: Self.version) }
      map.set(2) { $0.encode(unsigned: generation) }
      map.set(3) { item in
        item.beginArray(sequences.count)
        for entry in sequences { item.encodePair(entry.key.bytes, entry.value) }
      }
      map.set(4) { item in
        item.beginArray(statusMarks.count)
        for mark in statusMarks {
          item.beginArray(3)
          item.encode(ascii: mark.scope.bytes)
          item.encode(unsigned: mark.number)
          item.encode(bytes: mark.digest)
        }
      }
      map.set(5) { item in
        item.beginArray(times.count)
        for entry in times { item.encodePair(entry.key.bytes, entry.value) }
      }
    }
    return encoder.bytes
  }

  /// Reads what ``encoded()`` wrote, and zeros behind it. It is authentic, so anything else is another version's.
  init(padded bytes: [UInt8]) throws(CBORError) {
    var reader = CBORReader(bytes)
    var map = try reader.readMap()
    try reader.expectKey(1, &map)
    let start = reader.position
    guard try reader.readUnsigned() == Self.version else { throw CBORError(.outOfRange, at: start) }
    try reader.expectKey(2, &map)
    generation = try reader.readCount()
    try reader.expectKey(3, &map)
    for _ in 0..<(try reader.readArrayHeader(atMost: Self.modules)) {
      try reader.expectArray(of: 2)
      sequences.append(Entry(key: try reader.readName(), value: try reader.readCount()))
    }
    try reader.expectKey(4, &map)
    for _ in 0..<(try reader.readArrayHeader(atMost: Self.scopes)) {
      try reader.expectArray(of: 3)
      statusMarks.append(
        StatusMark(
          scope: try reader.readScope(), number: try reader.readCount(), digest: try reader.readThumbprint()))
    }
    try reader.expectKey(5, &map)
    for _ in 0..<(try reader.readArrayHeader(atMost: Self.scopes)) {
      try reader.expectArray(of: 2)
      times.append(Entry(key: try reader.readScope(), value: try reader.readCount()))
    }
    let end = reader.position
    guard try reader.nextIntegerKey(&map) == nil else { throw CBORError(.outOfRange, at: end) }
    guard bytes[end...].allSatisfy({ $0 == 0 }) else { throw CBORError(.trailingBytes, at: end) }
  }
}

extension CBOREncoder {
  fileprivate mutating func encodePair(_ text: [UInt8], _ number: UInt64) {
    beginArray(2)
    encode(ascii: text)
    encode(unsigned: number)
  }
}

extension CBORReader {
  fileprivate mutating func readScope() throws(CBORError) -> Scope {
    let start = position
    guard let scope = Scope(try readText()) else { throw CBORError(.outOfRange, at: start) }
    return scope
  }
}
