/// How a payload is cut into segments (SPEC 4.1). Takes any numbers: those of a manifest may be absurd until it is verified.
public struct SegmentLayout: Equatable, Sendable {
  /// An encrypted chunk: 16384 bytes and a 16-byte tag.
  public static let chunkSize: UInt64 = 16_400
  /// Salt and commitment of the chunked encryption, at the beginning of a module's first segment.
  public static let headerSize: UInt64 = 56
  /// The segment sizes that are allowed, in bytes.
  public static let segmentSizes: ClosedRange<UInt64> = 16_400...1_049_600
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

  /// The bytes of segment `index`, which must not be negative; none beyond the last segment.
  public func range(of index: Int) -> Range<UInt64> {
    start(of: index)..<start(of: index + 1)
  }

  /// Where a segment begins; the payload's end for one that is beyond it.
  private func start(of index: Int) -> UInt64 {
    guard index > 0 else { return 0 }
    let (distance, tooFar) = segmentSize.multipliedReportingOverflow(by: UInt64(index))
    let (start, overflow) = distance.addingReportingOverflow(header)
    return tooFar || overflow ? payloadSize : min(start, payloadSize)
  }
}
