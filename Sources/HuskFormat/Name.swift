/// The name of a module or stage in reverse-DNS order (SPEC 1.3), such as `com.example.adpcm`.
public struct Name: Equatable, Sendable {
  /// ASCII.
  public let bytes: [UInt8]

  /// Nil if it isn't formed as SPEC 1.3 demands.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count <= Limits.nameSize, let labels = Self.labelCount(bytes), labels >= 2 else { return nil }
    self.bytes = Array(bytes)
  }

  /// How many labels a dotted sequence has; nil if a label is empty or has a character that isn't allowed.
  static func labelCount(_ bytes: some Collection<UInt8>) -> Int? {
    var labels = 1
    var isLabelEmpty = true
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "."):
        if isLabelEmpty { return nil }
        labels += 1
        isLabelEmpty = true
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
        UInt8(ascii: "_"):
        isLabelEmpty = false
      default: return nil
      }
    }
    return isLabelEmpty ? nil : labels
  }
}
