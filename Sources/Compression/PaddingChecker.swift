/// Checks the padding that follows a module's frame (SPEC 4.2): one LZ4 skippable frame of zero bytes.
///
/// Feed it everything after the frame's end, then ask ``isComplete``.
public struct PaddingChecker: Sendable {
  /// Magic number and size field, in bytes.
  public static let headerSize = 8
  static let magic: [UInt8] = [0x50, 0x2a, 0x4d, 0x18]

  private var header: [UInt8] = []
  private var remaining: UInt32 = 0

  public init() {}

  /// Whether exactly one frame has passed.
  public var isComplete: Bool { header.count == Self.headerSize && remaining == 0 }

  /// Takes the next bytes; false if they aren't padding, or more than the frame declares.
  public mutating func take(_ bytes: RawSpan) -> Bool {
    bytes.withUnsafeBytes { bytes in
      for byte in bytes {
        if header.count < Self.headerSize {
          header.append(byte)
          guard header.count <= Self.magic.count || header.starts(with: Self.magic) else { return false }
          if header.count == Self.headerSize { remaining = Self.size(header) }
        } else {
          guard remaining > 0, byte == 0 else { return false }
          remaining -= 1
        }
      }
      return true
    }
  }

  /// Encodes a skippable frame of `size` bytes in all, at least 8.
  public static func encode(size: Int) -> [UInt8]? {
    guard size >= headerSize, let content = UInt32(exactly: size - headerSize) else { return nil }
    let length = [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: content >> $0) }
    return magic + length + [UInt8](repeating: 0, count: Int(content))
  }

  private static func size(_ header: [UInt8]) -> UInt32 {
    header.suffix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
