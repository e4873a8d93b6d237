import CLibLZ4

/// Compresses `input` into one LZ4 frame that ``LZ4FrameDecoder`` and `lz4 -d` read.
///
/// The frame has independent blocks of at most 256 KiB, declares its content size and carries no checksum but its
/// header's: what protects the content is the encryption around it.
///
/// - Parameter level: liblz4's compression level; 12 compresses best, 0 is fastest, and both decompress alike.
/// - Throws: `emptyInput`, or `outOfMemory`.
public func compressLZ4Frame(_ input: RawSpan, level: Int32 = 12) throws(CompressionError) -> [UInt8] {
  guard !input.isEmpty else { throw .emptyInput }
  var preferences = LZ4F_preferences_t()
  preferences.frameInfo.blockSizeID = LZ4F_max256KB
  preferences.frameInfo.blockMode = LZ4F_blockIndependent
  preferences.frameInfo.contentSize = UInt64(input.byteCount)
  preferences.compressionLevel = level

  var result = 0
  let frame = [UInt8](
    unsafeUninitializedCapacity: LZ4F_compressFrameBound(input.byteCount, &preferences)
  ) { buffer, count in
    result = input.withUnsafeBytes { input in
      LZ4F_compressFrame(buffer.baseAddress, buffer.count, input.baseAddress, input.count, &preferences)
    }
    count = LZ4F_isError(result) == 0 ? result : 0
  }
  // In a buffer of the size that liblz4 asks for, nothing else can fail.
  guard LZ4F_isError(result) == 0 else { throw .outOfMemory }
  return frame
}
