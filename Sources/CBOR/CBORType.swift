/// The major type of an item (RFC 8949 §3.1); the raw value is its number on the wire.
public enum CBORType: UInt8, Equatable, Sendable {
  case unsigned = 0
  case negative = 1
  case bytes = 2
  case text = 3
  case array = 4
  case map = 5
  case tag = 6
  /// `false`, `true` and `null`; everything else of major type 7 is refused.
  case simple = 7
}
