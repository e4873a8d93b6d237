/// The names that a certificate's key may act for (SPEC 3.3): all, those with a prefix, or one.
public struct Scope: Equatable, Sendable {
  /// ASCII; empty for all names.
  public let bytes: [UInt8]

  public static let everything = Scope(unchecked: [])

  /// Nil if it isn't formed as SPEC 3.3 demands.
  public init?(_ bytes: some Collection<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count <= Limits.nameSize else { return nil }
    if let last = bytes.last {
      let isPrefix = last == UInt8(ascii: ".")
      guard let labels = Name.labelCount(isPrefix ? bytes.dropLast() : bytes[...]), isPrefix || labels >= 2 else {
        return nil
      }
    }
    self.bytes = bytes
  }

  private init(unchecked bytes: [UInt8]) {
    self.bytes = bytes
  }

  public func covers(_ name: Name) -> Bool {
    contains(bytes: name.bytes)
  }

  /// Whether every name that `other` covers is covered by this scope.
  public func contains(_ other: Scope) -> Bool {
    contains(bytes: other.bytes)
  }

  private func contains(bytes other: [UInt8]) -> Bool {
    guard let last = bytes.last else { return true }
    return bytes == other || (last == UInt8(ascii: ".") && other.starts(with: bytes))
  }
}
