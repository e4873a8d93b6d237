import Compression
import Testing

@Suite("Compressing and decompressing")
struct RoundTripTests {
  @Test(
    "what was compressed comes back",
    arguments: [1, 2, 13, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 1_000_000, 3 << 20])
  func roundTrip(_ size: Int) throws {
    let original = content(size)
    let frame = try compressLZ4Frame(original.span.bytes)
    #expect(try decompress(frame) == original)
  }

  @Test("at every level", arguments: [-3, 0, 1, 3, 9, 12, 100])
  func levels(_ level: Int32) throws {
    let original = content(400_000)
    let frame = try compressLZ4Frame(original.span.bytes, level: level)
    #expect(frame.count < original.count)
    #expect(try decompress(frame) == original)
  }

  @Test("incompressible content grows by little and comes back")
  func incompressible() throws {
    var random = SplitMix(seed: 4)
    let original = (0..<600_000).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let frame = try compressLZ4Frame(original.span.bytes)
    #expect(frame.count <= original.count + 15 + 4 * 3 + 4)
    #expect(try decompress(frame) == original)
    #expect(try decompress(frame, pieceSize: 1000, bufferSize: 777) == original)
  }

  @Test("the sizes of input pieces and output buffers make no difference")
  func pieces() throws {
    let original = content(300_000)
    let frame = try compressLZ4Frame(original.span.bytes)
    for (pieceSize, bufferSize) in [
      (1, 262_144), (7, 4096), (frame.count, 1), (frame.count, 300_000), (16_384, 65_536), (16_384, 300_001),
    ] {
      #expect(
        try decompress(frame, pieceSize: pieceSize, bufferSize: bufferSize) == original,
        "\(pieceSize) \(bufferSize)")
    }
  }

  @Test("the content size is known before anything is decompressed, and a whole first piece may be passed")
  func contentSize() throws {
    let frame = try compressLZ4Frame(content(300_000).span.bytes)
    for length in [LZ4FrameDecoder.headerSize, LZ4FrameDecoder.headerSize + 1, frame.count] {
      let piece = frame[..<length]
      let decoder = try LZ4FrameDecoder(header: piece.span.bytes, atMost: 300_000)
      #expect(decoder.contentSize == 300_000)
      #expect(decoder.producedSize == 0)
      #expect(decoder.isComplete == false)
    }
  }

  @Test("what follows the frame isn't consumed", arguments: [1, 100, 16_384, .max])
  func following(_ pieceSize: Int) throws {
    let original = content(300_000)
    let frame = try compressLZ4Frame(original.span.bytes)
    let body = frame[LZ4FrameDecoder.headerSize...]
    for following in [[0], Array(frame), [UInt8](repeating: 0x50, count: 70_000)] {
      var decoder = try LZ4FrameDecoder(header: frame.span.bytes, atMost: 300_000)
      var decoded: [UInt8] = []
      let input = body + following
      let consumed = try decoder.decode(all: input, min(pieceSize, input.count), 262_144) { decoded += $0 }
      #expect(consumed == body.count)
      #expect(decoded == original)
      try decoder.finish()

      // Nor does anything that is fed afterwards count.
      #expect(try decoder.decode(all: following[...], following.count, 1000) { decoded += $0 } == 0)
      #expect(decoded == original)
      try decoder.finish()
    }
  }

  @Test("nothing can't be compressed")
  func empty() {
    let nothing: [UInt8] = []
    #expect(throws: CompressionError.emptyInput) { try compressLZ4Frame(nothing.span.bytes) }
  }

  @Test("a frame has independent blocks, its content size and no checksum besides the header's")
  func descriptor() throws {
    let frame = try compressLZ4Frame(content(1 << 20).span.bytes)
    #expect(Array(frame[..<4]) == [0x04, 0x22, 0x4d, 0x18])
    #expect(frame[4] == 0b0110_1000)  // version 1, independent blocks, content size
    #expect(frame[5] == 5 << 4)  // blocks of at most 256 KiB
    #expect(Array(frame[6..<14]) == [0, 0, 0x10, 0, 0, 0, 0, 0])
  }
}
