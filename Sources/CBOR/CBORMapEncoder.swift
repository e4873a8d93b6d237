/// Writes one map; see ``CBOREncoder/encodeMap(_:)``.
///
/// Entries may be set in any order, and only those that are wanted: the map sorts and counts them itself. Setting them
/// in the order of their encoded keys (0, 1, … 23, 24, …, -1, -2, …, then text, shorter first) saves the sorting.
public struct CBORMapEncoder: ~Copyable {
  private var encoder = CBOREncoder()
  private var entries: [Entry] = []
  private var isSorted = true

  /// Where an entry lies in `encoder.bytes`.
  private struct Entry {
    let key: Range<Int>
    let end: Int
  }

  /// Sets an entry with an integer key; `value` must encode exactly one item.
  ///
  /// Setting a key twice is a programming error and traps, for every kind of key: check keys that come from outside.
  public mutating func set<Failure: Error>(
    _ key: Int64, _ value: (inout CBOREncoder) throws(Failure) -> Void
  ) throws(Failure) {
    let start = encoder.bytes.count
    encoder.encode(integer: key)
    try finishEntry(at: start, value)
  }

  /// Sets an entry with a text key; `value` must encode exactly one item.
  public mutating func set<Failure: Error>(
    text key: StaticString, _ value: (inout CBOREncoder) throws(Failure) -> Void
  ) throws(Failure) {
    let start = encoder.bytes.count
    encoder.encode(text: key)
    try finishEntry(at: start, value)
  }

  /// Sets an entry with a text key given as UTF-8; `value` must encode exactly one item.
  ///
  /// Throws `invalidUTF8` where the key is not well-formed.
  public mutating func set(
    textUTF8 key: some Collection<UInt8>, _ value: (inout CBOREncoder) throws(CBORError) -> Void
  ) throws(CBORError) {
    let start = encoder.bytes.count
    try encoder.encode(textUTF8: key)
    try finishEntry(at: start, value)
  }
}

extension CBOREncoder {
  /// Writes a map of the entries that `body` sets:
  ///
  ///     encoder.encodeMap { map in
  ///       map.set(1) { $0.encode(text: "com.acme.codec") }
  ///       if let epoch { map.set(2) { $0.encode(unsigned: epoch) } }
  ///     }
  ///
  /// Nothing has been written if `body` throws.
  public mutating func encodeMap<Failure: Error>(
    _ body: (inout CBORMapEncoder) throws(Failure) -> Void
  ) throws(Failure) {
    var map = CBORMapEncoder()
    let start = bytes.count
    map.exchangeEncoder(with: &self)  // the map writes into this encoder's own storage: no copy
    defer { map.exchangeEncoder(with: &self) }
    map.reserveHead()
    do throws(Failure) {
      try body(&map)
    } catch {
      map.discard(from: start)
      throw error
    }
    map.close(at: start)
  }
}

extension CBORMapEncoder {
  fileprivate mutating func exchangeEncoder(with other: inout CBOREncoder) {
    swap(&encoder, &other)
  }

  /// Nearly every map has at most 23 entries, and so a head of one byte.
  fileprivate mutating func reserveHead() {
    encoder.encodeNull()
  }

  fileprivate mutating func discard(from offset: Int) {
    encoder.discard(from: offset)
  }

  private mutating func finishEntry<Failure: Error>(
    at start: Int, _ value: (inout CBOREncoder) throws(Failure) -> Void
  ) throws(Failure) {
    let key = start..<encoder.bytes.count
    do throws(Failure) {
      try value(&encoder)
    } catch {
      encoder.discard(from: start)
      throw error
    }
    if let last = entries.last, !precedes(last.key, key) { isSorted = false }
    entries.append(Entry(key: key, end: encoder.bytes.count))
  }

  private func precedes(_ one: Range<Int>, _ other: Range<Int>) -> Bool {
    encoder.bytes[one].lexicographicallyPrecedes(encoder.bytes[other])
  }

  fileprivate mutating func close(at start: Int) {
    if isSorted {
      encoder.setMapHead(at: start, count: entries.count)
      return
    }
    let bytes = encoder.bytes
    entries.sort { bytes[$0.key].lexicographicallyPrecedes(bytes[$1.key]) }
    var sorted: [UInt8] = []
    sorted.reserveCapacity(bytes.count - start)
    var previous: Range<Int>?
    for entry in entries {
      if let previous { precondition(precedes(previous, entry.key), "a map key was set twice") }
      previous = entry.key
      sorted.append(contentsOf: bytes[entry.key.lowerBound..<entry.end])
    }
    encoder.replace(from: start, withMapOf: entries.count, entries: sorted)
  }
}
