public import CBOR
import COSE
import ErrorClass

// Small pieces that the parsers of this module share.

extension CBORReader {
  /// A reader of bytes that hold one item and nothing else, well formed to its end whatever it means: of an object of an
  /// unknown version that is all a reader can know (SPEC 10, 16).
  init(wholeItem bytes: ArraySlice<UInt8>) throws(CBORError) {
    self.init(bytes)
    var ahead = self
    try ahead.skipItem()
    try ahead.finish()
  }

  /// A number that counts bytes, epochs and the like: below 2^63 (SPEC 11).
  public mutating func readCount() throws(CBORError) -> UInt64 {
    let start = position
    let value = try readUnsigned()
    guard value < Limits.number else { throw CBORError(.tooLarge, at: start) }
    return value
  }

  public mutating func readName() throws(CBORError) -> Name {
    let start = position
    guard let name = Name(try readText()) else { throw CBORError(.outOfRange, at: start) }
    return name
  }

  public mutating func readThumbprint() throws(CBORError) -> [UInt8] {
    Array(try readBytes(count: COSEKey.thumbprintSize))
  }

  /// Reads the next key of a map, which must be `key`.
  public mutating func expectKey(_ key: Int64, _ map: inout CBORMapCursor) throws(CBORError) {
    let start = position
    guard try nextIntegerKey(&map) == key else { throw CBORError(.unexpectedType, at: start) }
  }

  public mutating func expectArray(of count: Int) throws(CBORError) {
    let start = position
    guard try readArrayHeader() == count else { throw CBORError(.outOfRange, at: start) }
  }
}

/// Runs a parser of CBOR and says in which part it failed.
func parsing<Value: ~Copyable>(
  _ part: FormatError.Part, _ body: () throws(CBORError) -> Value
) throws(FormatError) -> Value {
  do throws(CBORError) {
    return try body()
  } catch {
    throw FormatError(error, in: part)
  }
}

/// Checks a format version; throws `malformed` in a part if there was none, `unsupportedVersion` for another one.
func require(
  version: UInt64?, _ known: UInt64, in part: FormatError.Part, at offset: Int
) throws(FormatError) {
  guard version == known else {
    throw FormatError(version == nil ? .malformed : .unsupportedVersion, in: part, at: offset)
  }
}

/// The value, or `malformed` in a part if a required member was missing.
func require<Value>(_ value: Value?, in part: FormatError.Part, at offset: Int) throws(FormatError) -> Value {
  guard let value else { throw FormatError(CBORError(.missingKey, at: offset), in: part) }
  return value
}
