import BootChain
import Cryptography
import ErrorClass
import HuskFormat
import SecretBytes

/// Reads a module's payload segment by segment, and hands on decrypted chunks (SPEC 9.1, step 4).
///
/// Each segment is read once into private memory and checked against the signed digest before any of it is decrypted.
struct PackagePayload: ~Copyable {
  private let file: Int32
  private let offset: UInt64
  private let manifest: Manifest

  /// - Parameters:
  ///   - file: the package; it stays the caller's.
  ///   - offset: where in it the payload begins.
  init(file: Int32, offset: UInt64, manifest: Manifest) {
    self.file = file
    self.offset = offset
    self.manifest = manifest
  }

  /// Decrypts everything in order.
  ///
  /// - Parameters:
  ///   - body: gets each chunk's plaintext, which it must not keep.
  ///   - afterSegment: is told how many bytes of the payload are done.
  /// - Returns: the SHA-256 of each segment as it was read, and how many chunks were opened.
  borrowing func decrypt(
    with contentKey: borrowing SecretBytes, _ body: (RawSpan) throws(ErrorClass) -> Void,
    afterSegment: (UInt64) -> Void
  ) throws(ErrorClass) -> (digests: [UInt8], chunks: UInt64) {
    guard let chunks = ChunkLayout(ciphertextByteCount: manifest.payloadSize) else { throw .sizeMismatch }
    var plaintext: SecretBytes
    do throws(SecretBytesError) {
      plaintext = try SecretBytes(count: ChunkedEncryption.chunkByteCount)
    } catch {
      throw .outOfMemory
    }
    let segments = manifest.segments
    var digests: [UInt8] = []
    let first = try segment(0, of: segments, &digests)
    var opener = try Self.opener(contentKey, manifest, first)
    var index: UInt64 = 0
    for number in 0..<segments.count {
      let bytes = number == 0 ? first : try segment(number, of: segments, &digests)
      let start = segments.range(of: number).lowerBound
      while let range = chunks.ciphertextRange(ofChunk: index), range.lowerBound < start + UInt64(bytes.count) {
        // Segments hold whole chunks, so a chunk that begins in one ends in it.
        guard range.upperBound <= start + UInt64(bytes.count) else { throw .malformed }
        let chunk = bytes[Int(range.lowerBound - start)..<Int(range.upperBound - start)]
        let count = try plaintext.withMutableBytes { (buffer) throws(ErrorClass) in
          try Self.open(chunk, index, &opener, into: buffer)
        }
        try plaintext.withBytes { (bytes) throws(ErrorClass) in try body(bytes.extracting(0..<count)) }
        index += 1
      }
      afterSegment(start + UInt64(bytes.count))
    }
    guard index == chunks.chunkCount else { throw .malformed }
    return (digests, index)
  }
}

extension PackagePayload {
  /// A segment, read and checked; its digest is appended to the others'.
  private borrowing func segment(
    _ number: Int, of segments: SegmentLayout, _ digests: inout [UInt8]
  ) throws(ErrorClass) -> [UInt8] {
    let range = segments.range(of: number)
    guard let bytes = readFile(file, at: offset + range.lowerBound, count: range.count) else { throw .io }
    do throws(FormatError) {
      digests += try manifest.check(segment: bytes.span.bytes, at: number)
    } catch {
      throw error.errorClass
    }
    return bytes
  }

  private static func opener(
    _ contentKey: borrowing SecretBytes, _ manifest: Manifest, _ firstSegment: [UInt8]
  ) throws(ErrorClass) -> ChunkOpener {
    let header = firstSegment.prefix(ChunkedEncryption.headerByteCount)
    do throws(CryptographyError) {
      return try ChunkOpener(
        key: contentKey, context: manifest.payloadContext.span.bytes, header: header.span.bytes)
    } catch {
      throw error == .outOfMemory ? .outOfMemory : .decryptionFailed
    }
  }

  private static func open(
    _ chunk: ArraySlice<UInt8>, _ index: UInt64, _ opener: inout ChunkOpener,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(ErrorClass) -> Int {
    do throws(CryptographyError) {
      return try opener.open(chunk: chunk.span.bytes, index: index, into: buffer)
    } catch {
      throw error == .outOfMemory ? .outOfMemory : .decryptionFailed
    }
  }
}
