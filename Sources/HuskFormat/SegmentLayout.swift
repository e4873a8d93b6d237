/// How a payload is cut into segments (SPEC 4.1). Holds only values within the limits of SPEC 11.
public struct SegmentLayout: Equatable, Sendable {
  /// An encrypted chunk: 16384 bytes and a 16-byte tag.
  public static let chunkSize: UInt64 = 16_400
  /// Salt and commitment of the chunked encryption, at the beginning of a module's first segment.
  public static let headerSize: UInt64 = 56
  /// What the packager uses: 16 chunks.
  public static let usualSegmentSize: UInt64 = 262_400

  public let payloadSize: UInt64
  public let segmentSize: UInt64
  /// 56 for modules, 0 for stages.
  public let header: UInt64

  public init(payloadSize: UInt64, segmentSize: UInt64, isModule: Bool) {
    self.payloadSize = payloadSize
    self.segmentSize = segmentSize
    header = isModule ? Self.headerSize : 0
  }

  /// How many segments there are, at least one.
  public var count: Int {
    guard payloadSize > header, segmentSize > 0 else { return 1 }
    return Int(clamping: (payloadSize - header - 1) / segmentSize + 1)
  }

  /// The bytes of segment `index`, which must be in 0..<count.
  public func range(of index: Int) -> Range<UInt64> {
    let start = index == 0 ? 0 : header + UInt64(index) * segmentSize
    let end = min(header + UInt64(index + 1) * segmentSize, payloadSize)
    return start..<end
  }

  /// The size of the largest segment.
  public var largest: Int {
    Int(clamping: min(header + segmentSize, payloadSize))
  }
}
