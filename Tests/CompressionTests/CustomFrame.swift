import CLibLZ4

/// A frame with preferences that Husk's own encoder never uses.
func customFrame(_ content: [UInt8], _ adjust: (inout LZ4F_preferences_t) -> Void) throws -> [UInt8] {
  var preferences = LZ4F_preferences_t()
  preferences.frameInfo.blockSizeID = LZ4F_max256KB
  preferences.frameInfo.blockMode = LZ4F_blockIndependent
  preferences.frameInfo.contentSize = UInt64(content.count)
  adjust(&preferences)
  var frame = [UInt8](repeating: 0, count: LZ4F_compressFrameBound(content.count, &preferences))
  let size = LZ4F_compressFrame(&frame, frame.count, content, content.count, &preferences)
  guard LZ4F_isError(size) == 0 else { throw CustomFrameFailure() }
  return Array(frame[..<size])
}

struct CustomFrameFailure: Error {}
