public enum CompressionError: Error, Equatable, Sendable {
  /// An LZ4 frame of a kind that Husk doesn't use: without its content size, with linked blocks or blocks of more than
  /// 256 KiB, with a dictionary, or skippable.
  case frameNotAcceptable
  /// The frame declares more content than the caller accepts.
  case boundExceeded
  /// Not an LZ4 frame, or a damaged one, or one whose content is not of the size it declares.
  case malformed
  /// The input ended before the frame did.
  case truncated
  /// There is nothing to compress: an LZ4 frame can't declare a content size of zero.
  case emptyInput
  case outOfMemory
}
