/// Why an input was refused as deterministically encoded CBOR, and where.
public struct CBORError: Error, Equatable, Sendable {
  public enum Kind: UInt8, Sendable {
    /// The input ends inside an item, or an item declares more than the input still holds.
    case truncated
    /// Not the encoding that RFC 8949 §4.2.1 demands: an integer or length that is not in its shortest form, an
    /// indefinite length, or a map key that sorts before its predecessor.
    case nonCanonical
    /// A map holds a key twice (RFC 8949 §5.6).
    case duplicateKey
    /// A reserved encoding, or a "break" outside an indefinite-length item: not CBOR at all (RFC 8949 §3).
    case malformed
    /// A well-formed item of another type than the reader was asked for.
    case unexpectedType
    /// A floating-point number, `undefined` or another simple value that Husk's formats don't use.
    case unsupportedType
    /// A text string that is not well-formed UTF-8 (RFC 3629).
    case invalidUTF8
    /// Arrays, maps and tags enclose one another deeper than the limit.
    case nestingTooDeep
    /// Bytes follow the last expected item.
    case trailingBytes
    /// An integer doesn't fit the type that was asked for, or a byte string is not exactly as long as required.
    case outOfRange
    /// A string or collection is larger than the caller's limit.
    case tooLarge
    /// A map's key that has no meaning where it is: for who reads the map to say.
    case unknownKey
    /// A map lacks a key that it must have: likewise.
    case missingKey
  }

  public let kind: Kind

  /// Where, in bytes, as an index into the array that was given to the reader: the first byte of the offending item;
  /// for `invalidUTF8` the first byte of the ill-formed sequence; for `trailingBytes` the first byte too many.
  public let offset: Int

  public init(_ kind: Kind, at offset: Int) {
    self.kind = kind
    self.offset = offset
  }
}
