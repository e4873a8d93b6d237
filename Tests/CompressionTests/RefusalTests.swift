import CLibLZ4
import Testing

@testable import Compression

@Suite("Refusing frames")
struct RefusalTests {
  /// `body`'s blocks behind `header`'s header, which so lies about them; its own checksum is right.
  private func splice(header: [UInt8], body: [UInt8]) -> [UInt8] {
    Array(header[..<LZ4FrameDecoder.headerSize] + body[LZ4FrameDecoder.headerSize...])
  }

  private func frame(_ size: Int) throws -> [UInt8] { try compressLZ4Frame(content(size).span.bytes) }

  @Test("more content than the caller accepts")
  func bound() throws {
    let frame = try frame(100_000)
    #expect(throws: CompressionError.boundExceeded) { try decompress(frame, atMost: 99_999) }
    #expect(throws: CompressionError.boundExceeded) { try decompress(frame, atMost: 0) }
    #expect(try decompress(frame, atMost: 100_000).count == 100_000)
  }

  @Test("a bomb that declares less than it holds produces no more than it declared")
  func understated() throws {
    let bomb = try compressLZ4Frame([UInt8](repeating: 0, count: 64 << 20).span.bytes, level: 0)
    for declared in [1, 65_536, 262_144, 262_145, 1 << 20] {
      // The header of a small frame says 64 KiB, which the bomb's blocks exceed as well.
      let lying = splice(header: try frame(declared), body: bomb)
      #expect(throws: CompressionError.malformed) { try decompress(lying) }
      #expect(throws: CompressionError.malformed) { try decompress(lying, bufferSize: declared) }
    }
    let oneMore = splice(header: try frame(600_000), body: try frame(600_001))
    #expect(throws: CompressionError.malformed) { try decompress(oneMore) }
    #expect(throws: CompressionError.malformed) { try decompress(oneMore, pieceSize: 1, bufferSize: 1000) }
    #expect(throws: CompressionError.malformed) { try decompress(oneMore, bufferSize: 600_000) }
  }

  @Test("an uncompressed block beyond the declared size")
  func understatedUncompressed() throws {
    let stored: [UInt8] = [3, 0, 0, 0x80, 1, 2, 3, 0, 0, 0, 0]
    for declared in [1, 2, 4] {
      let lying = Array(try frame(declared)[..<LZ4FrameDecoder.headerSize]) + stored
      #expect(throws: CompressionError.malformed, "\(declared)") { try decompress(lying) }
    }
    #expect(try decompress(Array(try frame(3)[..<LZ4FrameDecoder.headerSize]) + stored) == [1, 2, 3])
  }

  @Test("a frame that declares more than it holds")
  func overstated() throws {
    let huge = try compressLZ4Frame([UInt8](repeating: 0, count: 64 << 20).span.bytes, level: 0)
    let lying = splice(header: huge, body: try frame(300_000))
    #expect(throws: CompressionError.malformed) { try decompress(lying) }
    let oneLess = splice(header: try frame(300_000), body: try frame(299_999))
    #expect(throws: CompressionError.malformed) { try decompress(oneLess) }
  }

  @Test("a frame truncated at any length")
  func truncated() throws {
    let frame = try compressLZ4Frame(content(3000).span.bytes)
    for length in 0..<frame.count {
      #expect(throws: CompressionError.truncated, "\(length)") { try decompress(Array(frame[..<length])) }
    }
    let large = try self.frame(600_000)
    for length in stride(from: 15, to: large.count, by: 4999) {
      #expect(throws: CompressionError.truncated, "\(length)") { try decompress(Array(large[..<length])) }
    }
  }

  @Test("frames of a kind that Husk doesn't use")
  func notAcceptable() throws {
    let original = content(600_000)
    let frames = [
      try customFrame(original) { $0.frameInfo.contentSize = 0 },
      try customFrame(original) { $0.frameInfo.blockMode = LZ4F_blockLinked },
      try customFrame(original) { $0.frameInfo.blockSizeID = LZ4F_max1MB },
      try customFrame(original) { $0.frameInfo.dictID = 7 },
      try customFrame([]) { _ in },
      [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4],  // a skippable frame
    ]
    for frame in frames {
      #expect(throws: CompressionError.frameNotAcceptable) { try decompress(frame) }
    }
    let withContentSize = try customFrame(content(5 << 20)) { $0.frameInfo.blockSizeID = LZ4F_max4MB }
    #expect(throws: CompressionError.frameNotAcceptable) { try decompress(withContentSize) }
  }

  @Test("checksums, where a frame has them, are checked")
  func checksums() throws {
    let original = content(600_000)
    var frame = try customFrame(original) {
      $0.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
      $0.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled
    }
    #expect(try decompress(frame) == original)
    frame[frame.count - 1] ^= 1
    #expect(throws: CompressionError.malformed) { try decompress(frame) }
  }

  @Test("what is not an LZ4 frame")
  func notAFrame() throws {
    for bytes in [[UInt8](repeating: 0, count: 64), [UInt8](repeating: 0xff, count: 64), Array("\u{7f}ELF....".utf8)] {
      #expect(throws: CompressionError.malformed) { try decompress(bytes) }
    }
    var frame = try frame(100)
    for index in 0..<LZ4FrameDecoder.headerSize {
      frame[index] ^= 0x08
      let refusal = #expect(throws: CompressionError.self) { try decompress(frame) }
      // Clearing the flag for the content size shortens the header, whose checksum then fails too.
      #expect(refusal == .malformed, "\(index)")
      frame[index] ^= 0x08
    }
  }

  @Test("an error is final")
  func final() throws {
    let good = try frame(1000)
    var decoder = try LZ4FrameDecoder(header: good.span.bytes, atMost: 1000)
    let garbage = [UInt8](repeating: 0xff, count: 64)
    #expect(throws: CompressionError.malformed) { try decoder.decode(all: garbage[...], 64, 1000) { _ in } }
    let rest = good[LZ4FrameDecoder.headerSize...]
    #expect(throws: CompressionError.malformed) { try decoder.decode(all: rest, 64, 1000) { _ in } }
    #expect(throws: CompressionError.malformed) { try decoder.finish() }
  }

  @Test("20 000 mutated frames: refused, or exactly the declared size")
  func mutated() throws {
    let frames = try [40, 3000, 70_000].map { try frame($0) }
    var random = SplitMix(seed: 5)
    var accepted = 0
    for round in 0..<20_000 {
      var frame = frames[round % 20 == 0 ? 2 : round % 2]
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let index = Int.random(in: 0..<frame.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: frame[index] = .random(in: .min ... .max, using: &random)
        case 1: frame[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: frame.remove(at: index)
        default: frame.insert(.random(in: .min ... .max, using: &random), at: index)
        }
      }
      do {
        // Throws errors of other types where the decoder breaks its promises.
        _ = try decompress(frame, pieceSize: .random(in: 1...4096, using: &random), bufferSize: 65_536)
        accepted += 1
      } catch let error as CompressionError {
        #expect(error != .outOfMemory)
      }
    }
    #expect(accepted > 0 && accepted < 20_000)
  }

  @Test("lack of memory is not taken for a damaged frame")
  func outOfMemory() throws {
    let codes = (1...30).map { -$0 }.filter { CompressionError(decompressionResult: $0) == .outOfMemory }
    let code = try #require(codes.first)
    #expect(codes.count == 1)
    #expect(LZ4F_isError(code) != 0)
    #expect(String(cString: LZ4F_getErrorName(code)) == "ERROR_allocation_failed")
  }
}
