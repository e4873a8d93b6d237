public import SecretBytes

/// Decrypts the chunks of one message, in any order.
///
/// Each chunk proves its own place, but only `ChunkLayout` knows from the size whether the message is whole: open as
/// many chunks as it says, no fewer. A thread that decrypts part of a message needs an opener of its own.
public struct ChunkOpener: ~Copyable {
  private var keys: ChunkKeys

  /// Checks the header's commitment, before anything is decrypted: another key or context throws
  /// `.commitmentMismatch`.
  ///
  /// - Parameter header: the first `ChunkedEncryption.headerByteCount` bytes of the message.
  public init(key: borrowing SecretBytes, context: RawSpan, header: RawSpan) throws(CryptographyError) {
    guard header.byteCount == ChunkedEncryption.headerByteCount else { throw .invalidLength }
    let salt = header.extracting(0..<ChunkedEncryption.saltByteCount)
    let commitment = header.extracting(ChunkedEncryption.saltByteCount..<ChunkedEncryption.headerByteCount)
    let keys = try ChunkKeys(.open, key: key, salt: salt, context: context)
    let derived = keys.commitment
    guard constantTimeEquals(derived.span.bytes, commitment) else { throw .commitmentMismatch }
    self.keys = keys
  }

  /// Verifies and decrypts one chunk.
  ///
  /// - Parameters:
  ///   - chunk: `ChunkedEncryption.sealedChunkByteCount` bytes, or fewer if and only if it is the final one.
  ///   - index: its place, from 0.
  ///   - output: has room for the plaintext. If the chunk is not authentic, that part of it is wiped.
  /// - Returns: the size of the plaintext.
  public mutating func open(
    chunk: RawSpan, index: UInt64, into output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) -> Int {
    guard chunk.byteCount <= ChunkedEncryption.sealedChunkByteCount else { throw .invalidLength }
    guard index < ChunkedEncryption.largestChunkCount else { throw .messageTooLong }
    let nonce = keys.nonces.nonce(index)
    return try keys.aead.open(nonce: nonce.span.bytes, aad: RawSpan(), ciphertext: chunk, into: output)
  }
}
