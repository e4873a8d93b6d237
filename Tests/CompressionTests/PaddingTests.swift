import Compression
import Testing

@Suite("Padding")
struct PaddingTests {
  /// What the checker says after `bytes` in pieces: nil if it refused them.
  private func check(_ bytes: [UInt8], pieceSize: Int = .max) -> Bool? {
    var checker = PaddingChecker()
    var start = 0
    while start < bytes.count {
      let end = start + min(pieceSize, bytes.count - start)
      guard checker.take(Array(bytes[start..<end]).span.bytes) else { return nil }
      start = end
    }
    return checker.isComplete
  }

  @Test("what was encoded is complete, however it is cut", arguments: [8, 9, 15, 16, 300, 70_000])
  func roundTrip(_ size: Int) throws {
    let padding = try #require(PaddingChecker.encode(size: size))
    #expect(padding.count == size)
    for pieceSize in [1, 3, 4, 7, 8, 9, 16_384] { #expect(check(padding, pieceSize: pieceSize) == true) }
  }

  @Test("is a skippable frame of zeros, its length in little-endian order")
  func format() {
    #expect(PaddingChecker.encode(size: 8) == [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0])
    #expect(PaddingChecker.encode(size: 11) == [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 0, 0, 0])
    #expect(PaddingChecker.encode(size: 8 + 258)?.prefix(8) == [0x50, 0x2a, 0x4d, 0x18, 2, 1, 0, 0])
  }

  @Test("has room for its header, and for what the header can tell")
  func sizes() {
    for size in [Int.min, -1, 0, 7] { #expect(PaddingChecker.encode(size: size) == nil) }
    #expect(PaddingChecker.encode(size: 8 + 1 << 32) == nil)
  }

  @Test("isn't complete before its end, nor where there is none")
  func truncated() throws {
    let padding = try #require(PaddingChecker.encode(size: 20))
    for length in padding.indices { #expect(check(Array(padding[..<length])) == false) }
  }

  @Test("isn't what another byte follows, not even a second frame of it")
  func trailing() throws {
    let padding = try #require(PaddingChecker.encode(size: 20))
    for pieceSize in [1, 20, 64] {
      #expect(check(padding + [0], pieceSize: pieceSize) == nil)
      #expect(check(padding + padding, pieceSize: pieceSize) == nil)
    }
  }

  @Test("has no room for anything but zeros")
  func content() throws {
    let padding = try #require(PaddingChecker.encode(size: 20))
    for index in 8..<20 {
      var changed = padding
      changed[index] = 1
      #expect(check(changed) == nil)
      #expect(check(changed, pieceSize: 1) == nil)
    }
  }

  @Test("begins with the one magic number, of the sixteen that stand for skippable frames")
  func magic() throws {
    let padding = try #require(PaddingChecker.encode(size: 20))
    for bit in 0..<32 {
      var changed = padding
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(check(changed) == nil)
      #expect(check(changed, pieceSize: 1) == nil)
    }
    let frame = try compressLZ4Frame([1, 2, 3].span.bytes)
    #expect(check(frame) == nil)
  }

  @Test("of another length than it declares isn't complete, or goes on too long")
  func length() throws {
    let padding = try #require(PaddingChecker.encode(size: 20))
    var longer = padding
    longer[4] += 1
    #expect(check(longer) == false)
    longer[7] = 0xff
    #expect(check(longer) == false)
    var shorter = padding
    shorter[4] -= 1
    #expect(check(shorter) == nil)
  }
}
