public import SecretBytes

/// Encrypts one message, chunk after chunk.
///
/// The salt is drawn here and the chunks are counted here, so that no two chunks ever share a key and a nonce.
public struct ChunkSealer: ~Copyable {
  /// What comes before the first chunk: salt and key commitment.
  public let header: [UInt8]

  /// Whether the final chunk has been sealed.
  public private(set) var isComplete = false

  private var keys: ChunkKeys
  private var chunkCount: UInt64 = 0

  /// - Parameters:
  ///   - key: 32 bytes, uniformly random.
  ///   - context: what the message is; opening it takes the same.
  public init(key: borrowing SecretBytes, context: RawSpan) throws(CryptographyError) {
    try self.init(key: key, context: context, salt: randomBytes(count: ChunkedEncryption.saltByteCount))
  }

  /// For known-answer tests: a salt must never be used twice.
  init(key: borrowing SecretBytes, context: RawSpan, salt: [UInt8]) throws(CryptographyError) {
    guard salt.count == ChunkedEncryption.saltByteCount else { throw .invalidLength }
    keys = try ChunkKeys(.seal, key: key, salt: salt.span.bytes, context: context)
    header = salt + keys.commitment
  }

  /// Encrypts the next chunk. One that is not full, and be it empty, is the final one: every message needs it.
  ///
  /// - Parameters:
  ///   - chunk: at most `ChunkedEncryption.chunkByteCount` bytes.
  ///   - output: has room for the chunk and its tag.
  /// - Returns: the size of the sealed chunk.
  public mutating func seal(
    chunk: RawSpan, into output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) -> Int {
    guard !isComplete else { throw .messageComplete }
    guard chunk.byteCount <= ChunkedEncryption.chunkByteCount else { throw .invalidLength }
    let isFinal = chunk.byteCount < ChunkedEncryption.chunkByteCount
    // The last possible chunk cannot be a full one, or the message could not end.
    let limit = ChunkedEncryption.largestChunkCount - (isFinal ? 0 : 1)
    guard chunkCount < limit else { throw .messageTooLong }
    let nonce = keys.nonces.nonce(chunkCount)
    let count = try keys.aead.seal(nonce: nonce.span.bytes, aad: RawSpan(), plaintext: chunk, into: output)
    chunkCount += 1
    isComplete = isFinal
    return count
  }
}
