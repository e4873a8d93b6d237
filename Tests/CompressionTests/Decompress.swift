import Compression

/// Decompresses a frame and ignores what follows it, fed in pieces of `pieceSize` into buffers of `bufferSize`.
///
/// Each buffer is followed by bytes that must not change.
func decompress(
  _ frame: [UInt8], atMost bound: UInt64 = .max, pieceSize: Int = 16 << 10, bufferSize: Int = 256 << 10
) throws -> [UInt8] {
  var decoder = try LZ4FrameDecoder(header: frame.span.bytes, atMost: bound)
  var content: [UInt8] = []
  do {
    try decoder.decode(all: frame[LZ4FrameDecoder.headerSize...], pieceSize, bufferSize) { content += $0 }
    try decoder.finish()
  } catch {
    // However the frame lies, no more than it declared ever leaves the decoder.
    guard content.count <= decoder.contentSize else { throw ProducedTooMuch() }
    throw error
  }
  guard content.count == decoder.contentSize, decoder.producedSize == decoder.contentSize, decoder.isComplete else {
    throw WrongSize()
  }
  return content
}

struct ProducedTooMuch: Error {}
struct WrongSize: Error {}
struct WroteBehindBuffer: Error {}
struct NoProgress: Error {}

extension LZ4FrameDecoder {
  /// Decodes until the input or the frame ends; returns how much of the input was consumed.
  @discardableResult
  mutating func decode(
    all input: ArraySlice<UInt8>, _ pieceSize: Int, _ bufferSize: Int, _ receive: (ArraySlice<UInt8>) throws -> Void
  ) throws -> Int {
    let guardSize = 16
    var buffer = [UInt8](repeating: 0xa5, count: bufferSize + guardSize)
    var start = input.startIndex
    while start < input.endIndex {
      let end = min(start + pieceSize, input.endIndex)
      while true {
        let progress = try buffer.withUnsafeMutableBytes { buffer in
          var room = MutableRawSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: buffer[..<bufferSize]))
          let piece = input[start..<end]
          return try decode(piece.span.bytes, into: &room)
        }
        guard buffer[bufferSize...].allSatisfy({ $0 == 0xa5 }) else { throw WroteBehindBuffer() }
        try receive(buffer[..<progress.produced])
        start += progress.consumed
        if isComplete { return start - input.startIndex }
        if start == end && progress.produced < bufferSize { break }
        guard progress.consumed > 0 || progress.produced > 0 else { throw NoProgress() }
      }
    }
    return input.count
  }
}

/// Bytes that compress as a program's do: repeated, varied and random stretches.
func content(_ size: Int, seed: UInt64 = 1) -> [UInt8] {
  var random = SplitMix(seed: seed)
  var content: [UInt8] = []
  content.reserveCapacity(size + 64)
  while content.count < size {
    if content.count > 1000, Int.random(in: 0..<4, using: &random) != 0 {
      let start = Int.random(in: max(0, content.count - 60_000)..<(content.count - 64), using: &random)
      for index in start..<(start + Int.random(in: 4...64, using: &random)) { content.append(content[index]) }
    } else {
      for _ in 0..<8 { content.append(UInt8.random(in: .min ... .max, using: &random)) }
    }
  }
  return Array(content[..<size])
}

/// A random number generator that gives the same sequence on every run (SplitMix64).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
