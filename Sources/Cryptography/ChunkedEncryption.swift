import SecretBytes

/// C2SP chunked encryption, instance Cobblestone-256 (c2sp.org/chunked-encryption): a long message in chunks of 16 KiB
/// that can be encrypted as a stream and decrypted as a stream or in any order.
///
/// The header, a random salt and a commitment to the key, comes first. Every chunk but the last is full; the last is
/// always shorter, if need be empty, so that a cut-off message is never taken for a whole one.
public enum ChunkedEncryption {
  /// The size of a key, in bytes.
  public static let keyByteCount = 32
  /// The size of the header, in bytes.
  public static let headerByteCount = saltByteCount + commitmentByteCount
  /// How much plaintext a full chunk holds, in bytes.
  public static let chunkByteCount = 16384
  /// The size of a full chunk once it is encrypted, in bytes.
  public static let sealedChunkByteCount = chunkByteCount + AEAD.tagByteCount
  /// How many chunks a message may have.
  public static let largestChunkCount: UInt64 = 1 << 38

  /// The size of the ciphertext, header included, for a plaintext of this size; nil if that is too long.
  public static func ciphertextByteCount(forPlaintext byteCount: UInt64) -> UInt64? {
    let chunkCount = byteCount / UInt64(chunkByteCount) + 1
    guard chunkCount <= largestChunkCount else { return nil }
    return UInt64(headerByteCount) + byteCount + chunkCount * UInt64(AEAD.tagByteCount)
  }

  static let saltByteCount = 24
  static let commitmentByteCount = 32
}

/// Where the chunks of an encrypted message are, by its size alone.
public struct ChunkLayout: Equatable, Sendable {
  /// How many chunks there are; at least one.
  public let chunkCount: UInt64
  /// The size of the plaintext, in bytes.
  public let plaintextByteCount: UInt64

  /// - Parameter ciphertextByteCount: with the header. Nil if no message has this size: it was cut off, or something
  ///   was added.
  public init?(ciphertextByteCount: UInt64) {
    let header = UInt64(ChunkedEncryption.headerByteCount)
    let tag = UInt64(AEAD.tagByteCount)
    guard ciphertextByteCount >= header else { return nil }
    let (fullCount, finalByteCount) = (ciphertextByteCount - header)
      .quotientAndRemainder(dividingBy: UInt64(ChunkedEncryption.sealedChunkByteCount))
    guard finalByteCount >= tag, fullCount < ChunkedEncryption.largestChunkCount else { return nil }
    chunkCount = fullCount + 1
    plaintextByteCount = fullCount * UInt64(ChunkedEncryption.chunkByteCount) + finalByteCount - tag
  }

  /// Where a sealed chunk lies in the ciphertext, header included; nil if there is no such chunk.
  public func ciphertextRange(ofChunk index: UInt64) -> Range<UInt64>? {
    guard index < chunkCount else { return nil }
    let size = UInt64(ChunkedEncryption.sealedChunkByteCount)
    let start = UInt64(ChunkedEncryption.headerByteCount) + index * size
    guard index == chunkCount - 1 else { return start..<(start + size) }
    let finalPlaintext = plaintextByteCount % UInt64(ChunkedEncryption.chunkByteCount)
    return start..<(start + finalPlaintext + UInt64(AEAD.tagByteCount))
  }
}
