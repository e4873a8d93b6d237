import Cryptography
import SecretBytes
import Testing

@Suite struct ChunkedEncryptionTests {
  private let key = [UInt8](repeating: 7, count: 32)
  private let context: [UInt8] = [1]

  @Test(
    "what is sealed opens again, and has the size foretold",
    arguments: [0, 1, 16383, 16384, 16385, 32767, 32768, 100_000])
  func roundTrip(count: Int) throws {
    let plaintext = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var sealer = try ChunkSealer(key: secret(key), context: context.span.bytes)
    let ciphertext = try sealer.sealAll(plaintext)
    #expect(UInt64(ciphertext.count) == ChunkedEncryption.ciphertextByteCount(forPlaintext: UInt64(count)))
    let layout = try #require(ChunkLayout(ciphertextByteCount: UInt64(ciphertext.count)))
    #expect(layout.plaintextByteCount == UInt64(count))
    #expect(layout.chunkCount == UInt64(count / 16384 + 1))

    // From the last chunk to the first: order does not matter.
    let header = ciphertext.prefix(ChunkedEncryption.headerByteCount)
    var opener = try ChunkOpener(key: secret(key), context: context.span.bytes, header: header.span.bytes)
    var opened = [UInt8](repeating: 0, count: count)
    for index in (0..<layout.chunkCount).reversed() {
      let range = try #require(layout.ciphertextRange(ofChunk: index))
      let chunk = ciphertext[Int(range.lowerBound)..<Int(range.upperBound)]
      let start = Int(index) * ChunkedEncryption.chunkByteCount
      let written = try opened.withUnsafeMutableBytes {
        try opener.open(
          chunk: chunk.span.bytes, index: index, into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
      }
      #expect(written == chunk.count - AEAD.tagByteCount)
    }
    #expect(opened == plaintext)
    #expect(layout.ciphertextRange(ofChunk: layout.chunkCount) == nil)
  }

  @Test("two messages under one key have different salts")
  func drawsSalts() throws {
    let first = try ChunkSealer(key: secret(key), context: RawSpan())
    let second = try ChunkSealer(key: secret(key), context: RawSpan())
    #expect(first.header != second.header)
  }

  @Test("nothing can be sealed after the final chunk")
  func endsWithTheFinalChunk() throws {
    var sealer = try ChunkSealer(key: secret(key), context: RawSpan())
    #expect(sealer.isComplete == false)
    _ = try sealer.sealOne([1, 2, 3])
    #expect(sealer.isComplete == true)
    do throws(CryptographyError) {
      _ = try sealer.sealOne([])
      Issue.record("a second final chunk")
    } catch {
      #expect(error == .messageComplete)
    }
  }

  @Test("a chunk that is too long, or a buffer that is too short, is refused")
  func checksSizes() throws {
    var sealer = try ChunkSealer(key: secret(key), context: RawSpan())
    do throws(CryptographyError) {
      _ = try sealer.sealOne([UInt8](repeating: 0, count: 16385))
      Issue.record("too long a chunk")
    } catch {
      #expect(error == .invalidLength)
    }
    let chunk: [UInt8] = [1, 2, 3]
    var small = [UInt8](repeating: 0, count: 18)
    do throws(CryptographyError) {
      _ = try small.withUnsafeMutableBufferPointer { (output) throws(CryptographyError) in
        try sealer.seal(chunk: chunk.span.bytes, into: UnsafeMutableRawBufferPointer(output))
      }
      Issue.record("too short a buffer")
    } catch {
      #expect(error == .invalidLength)
    }
    // Neither used up the sealer.
    #expect(try sealer.sealOne(chunk) == 19)
  }

  @Test("a key, header or context that does not fit is refused before anything is decrypted")
  func checksTheHeader() throws {
    let sealer = try ChunkSealer(key: secret(key), context: context.span.bytes)
    let header = sealer.header
    func open(_ key: [UInt8], _ context: [UInt8], _ header: [UInt8]) throws {
      _ = try ChunkOpener(key: secret(key), context: context.span.bytes, header: header.span.bytes)
    }
    #expect(throws: Never.self) { try open(key, [1], header) }
    #expect(throws: CryptographyError.commitmentMismatch) { try open(key, [2], header) }
    #expect(throws: CryptographyError.commitmentMismatch) { try open([UInt8](repeating: 8, count: 32), [1], header) }
    for position in header.indices {
      var changed = header
      changed[position] ^= 1
      #expect(throws: CryptographyError.commitmentMismatch) { try open(key, [1], changed) }
    }
    #expect(throws: CryptographyError.invalidLength) { try open(key, [1], [UInt8](header.dropLast())) }
    #expect(throws: CryptographyError.invalidLength) { try open([UInt8](repeating: 7, count: 31), [1], header) }
  }

  @Test("a size that no message has is not laid out", arguments: [0, 55, 56, 71, 56 + 16400, 56 + 16400 + 15])
  func refusesImpossibleSizes(count: UInt64) {
    #expect(ChunkLayout(ciphertextByteCount: count) == nil)
  }

  @Test("sizes end at 2^38 chunks")
  func limits() throws {
    let largest: UInt64 = (1 << 52) - 1
    let ciphertext = try #require(ChunkedEncryption.ciphertextByteCount(forPlaintext: largest))
    let layout = try #require(ChunkLayout(ciphertextByteCount: ciphertext))
    #expect(layout.plaintextByteCount == largest)
    #expect(layout.chunkCount == ChunkedEncryption.largestChunkCount)
    #expect(ChunkedEncryption.ciphertextByteCount(forPlaintext: largest + 1) == nil)
    #expect(ChunkedEncryption.ciphertextByteCount(forPlaintext: .max) == nil)
    #expect(ChunkLayout(ciphertextByteCount: ciphertext + 17) == nil)
    #expect(ChunkLayout(ciphertextByteCount: .max) == nil)

    let sealer = try ChunkSealer(key: secret(key), context: RawSpan())
    var opener = try ChunkOpener(key: secret(key), context: RawSpan(), header: sealer.header.span.bytes)
    do throws(CryptographyError) {
      let chunk = [UInt8](repeating: 0, count: 16)
      _ = try opener.open(
        chunk: chunk.span.bytes, index: 1 << 38, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
      Issue.record("an index beyond the limit")
    } catch {
      #expect(error == .messageTooLong)
    }
  }
}

extension ChunkSealer {
  /// A whole message: header and all chunks.
  mutating func sealAll(_ plaintext: [UInt8]) throws -> [UInt8] {
    var ciphertext = header
    var buffer = [UInt8](repeating: 0, count: ChunkedEncryption.sealedChunkByteCount)
    var rest = plaintext[...]
    while !isComplete {
      let chunk = rest.prefix(ChunkedEncryption.chunkByteCount)
      let count = try buffer.withUnsafeMutableBytes { try seal(chunk: chunk.span.bytes, into: $0) }
      ciphertext += buffer.prefix(count)
      rest = rest.dropFirst(chunk.count)
    }
    return ciphertext
  }

  fileprivate mutating func sealOne(_ chunk: [UInt8]) throws(CryptographyError) -> Int {
    var buffer = [UInt8](repeating: 0, count: chunk.count + AEAD.tagByteCount)
    return try buffer.withUnsafeMutableBufferPointer { (output) throws(CryptographyError) in
      try seal(chunk: chunk.span.bytes, into: UnsafeMutableRawBufferPointer(output))
    }
  }
}
