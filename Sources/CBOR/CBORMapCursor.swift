/// How far a map has been read; see ``CBORReader/readMap(atMost:)``.
///
///     var map = try reader.readMap()
///     while let key = try reader.nextIntegerKey(&map) {
///       switch key {
///       case 1: name = try reader.readText()
///       default: try reader.skipItem()
///       }
///     }
///
/// Each value must be consumed before the next key is asked for.
public struct CBORMapCursor: Sendable {
  /// The entries that have not been started yet.
  public internal(set) var remaining: Int

  /// Where the key that was read last is encoded: the next one must sort after it.
  var previousKey: Range<Int>?

  init(remaining: Int) {
    self.remaining = remaining
  }
}

extension CBORReader {
  /// The map's next key, which must be an integer; `nil` after the last entry.
  ///
  /// Throws `nonCanonical` or `duplicateKey` where the key doesn't sort after its predecessor (RFC 8949 §4.2.1). In a map
  /// with keys of both types, ``peekType()`` tells which method to call while ``CBORMapCursor/remaining`` is not zero.
  @inline(never)
  public mutating func nextIntegerKey(_ map: inout CBORMapCursor) throws(CBORError) -> Int64? {
    guard map.remaining > 0 else { return nil }
    var ahead = self
    let key = try ahead.readInteger()
    try advance(to: ahead.position, &map)
    return key
  }

  /// The map's next key, which must be a text string, as UTF-8; `nil` after the last entry.
  ///
  /// Throws like ``nextIntegerKey(_:)``.
  public mutating func nextTextKey(_ map: inout CBORMapCursor) throws(CBORError) -> ArraySlice<UInt8>? {
    guard map.remaining > 0 else { return nil }
    var ahead = self
    let key = try ahead.readText()
    try advance(to: ahead.position, &map)
    return key
  }

  /// Consumes the key that ends at `end`, once its order has been checked.
  private mutating func advance(to end: Int, _ map: inout CBORMapCursor) throws(CBORError) {
    let key = position..<end
    try checkOrder(of: key, after: map.previousKey)
    map.previousKey = key
    map.remaining -= 1
    position = end
  }

  /// Keys sort strictly by the bytes of their encoding (RFC 8949 §4.2.1).
  func checkOrder(of key: Range<Int>, after previous: Range<Int>?) throws(CBORError) {
    guard let previous else { return }
    if bytes[previous].lexicographicallyPrecedes(bytes[key]) { return }
    let isDuplicate = bytes[previous].elementsEqual(bytes[key])
    throw CBORError(isDuplicate ? .duplicateKey : .nonCanonical, at: key.lowerBound)
  }
}
