import CLibLZ4

/// Decompresses one LZ4 frame piece by piece, into buffers of the caller's.
///
///     var decoder = try LZ4FrameDecoder(header: firstPiece, atMost: bound)   // decoder.contentSize is known now
///     // … feed what follows the header, then every other piece, to decode(_:into:) …
///     try decoder.finish()
///
/// The frame must declare its content size and have independent blocks of at most 256 KiB: that bounds the memory which
/// decompression takes (about 512 KiB), whatever the frame holds. Exactly the declared size is produced, or an error
/// thrown; after an error, nothing that was produced may be used, and every later call throws the same error.
///
/// liblz4 keeps up to two blocks in heap memory of its own, which it frees without wiping: a process for which the
/// content is secret must keep its heap from being swapped or dumped.
public struct LZ4FrameDecoder: ~Copyable {
  /// The length of every acceptable frame's header, in bytes: magic, descriptor, content size, checksum.
  public static let headerSize = 15

  /// The size, in bytes, that the frame declares; at most the bound.
  public let contentSize: UInt64

  /// How much has been produced so far, in bytes; at most `contentSize`.
  public private(set) var producedSize: UInt64 = 0

  /// Whether the frame's end has been reached.
  public private(set) var isComplete = false

  private let context: DecompressionContext
  private var failure: CompressionError?

  /// What one call of ``decode(_:into:)`` did, in bytes.
  public struct Progress: Equatable, Sendable {
    public internal(set) var consumed = 0
    public internal(set) var produced = 0
  }

  /// Reads the frame's header.
  ///
  /// - Parameters:
  ///   - header: the frame's first bytes. What follows ``headerSize`` of them is not looked at, so it may be the whole
  ///     first piece of the frame.
  ///   - bound: the greatest acceptable content size, in bytes.
  public init(header: RawSpan, atMost bound: UInt64) throws(CompressionError) {
    let context = try DecompressionContext()
    let info = try context.readHeader(header)
    guard info.contentSize <= bound else { throw .boundExceeded }
    self.contentSize = info.contentSize
    self.context = context
  }

  /// Decompresses until the input is used up, the output is full, or the frame ends: what follows it isn't consumed.
  ///
  /// Feed what was not consumed again. Where the output is full, call once more with room, even if all of the input was
  /// consumed: there may be more to come.
  ///
  /// - Parameters:
  ///   - input: what follows the header, or what was consumed last.
  ///   - output: written from its start. With room for 256 KiB, whole blocks are decompressed without a detour.
  public mutating func decode(_ input: RawSpan, into output: inout MutableRawSpan) throws(CompressionError) -> Progress
  {
    if let failure { throw failure }
    do throws(CompressionError) {
      return try input.withUnsafeBytes { input throws(CompressionError) in
        try output.withUnsafeMutableBytes { output throws(CompressionError) in try advance(input, output) }
      }
    } catch {
      failure = error
      throw error
    }
  }

  /// Call when there is no more input: `truncated` unless the frame has ended.
  public func finish() throws(CompressionError) {
    if let failure { throw failure }
    guard isComplete else { throw .truncated }
  }

  private mutating func advance(
    _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Progress {
    var total = Progress()
    while !isComplete {
      let step = try step(
        UnsafeRawBufferPointer(rebasing: input[total.consumed...]),
        UnsafeMutableRawBufferPointer(rebasing: output[total.produced...]))
      total.consumed += step.consumed
      total.produced += step.produced
      if step == Progress() { break }
    }
    guard total.consumed < input.count, !isComplete else { return total }
    // Only a full output may leave input behind; and if that is all there should be, then a block has more.
    guard total.produced == output.count, producedSize < contentSize else { throw .malformed }
    return total
  }

  private mutating func step(
    _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Progress {
    var consumed = input.count
    // liblz4 compares sizes only at the frame's end: until then this is what keeps a lying frame within its size.
    var produced = min(output.count, Int(clamping: contentSize - producedSize))
    let result = LZ4F_decompress(
      context.pointer, output.baseAddress, &produced, input.baseAddress, &consumed, nil)
    guard LZ4F_isError(result) == 0 else { throw CompressionError(decompressionResult: result) }
    producedSize += UInt64(produced)
    if result == 0 {
      guard producedSize == contentSize else { throw .malformed }
      isComplete = true
    }
    return Progress(consumed: consumed, produced: produced)
  }
}

/// Owns liblz4's context.
// Usable from inline because an Embedded Swift client cannot otherwise see the deinit of a public type's content
// (fixed after Swift 6.3: github.com/swiftlang/swift/pull/87303).
@usableFromInline
struct DecompressionContext: ~Copyable {
  let pointer: OpaquePointer

  init() throws(CompressionError) {
    var created: OpaquePointer?
    let result = LZ4F_createDecompressionContext(&created, UInt32(LZ4F_VERSION))
    guard LZ4F_isError(result) == 0, let created else { throw .outOfMemory }
    pointer = created
  }

  deinit {
    _ = LZ4F_freeDecompressionContext(pointer)
  }

  /// Consumes the header and checks that it is one that Husk accepts.
  func readHeader(_ header: RawSpan) throws(CompressionError) -> LZ4F_frameInfo_t {
    try header.withUnsafeBytes { header throws(CompressionError) in
      guard header.count >= LZ4F_MIN_SIZE_TO_KNOW_HEADER_LENGTH else { throw .truncated }
      let size = LZ4F_headerSize(header.baseAddress, header.count)
      guard LZ4F_isError(size) == 0 else { throw .malformed }
      guard header.count >= size else { throw .truncated }

      var info = LZ4F_frameInfo_t()
      var consumed = header.count
      let result = LZ4F_getFrameInfo(pointer, &info, header.baseAddress, &consumed)
      guard LZ4F_isError(result) == 0 else { throw CompressionError(decompressionResult: result) }

      guard
        info.frameType == LZ4F_frame, info.contentSize != 0, info.blockMode == LZ4F_blockIndependent,
        info.blockSizeID == LZ4F_max64KB || info.blockSizeID == LZ4F_max256KB, info.dictID == 0,
        consumed == LZ4FrameDecoder.headerSize
      else { throw .frameNotAcceptable }
      return info
    }
  }
}

extension CompressionError {
  /// What an error code of `LZ4F_decompress` means. liblz4 publishes its codes by name only.
  init(decompressionResult result: Int) {
    self = Self.name(of: result, is: "ERROR_allocation_failed") ? .outOfMemory : .malformed
  }

  private static func name(of result: Int, is expected: StaticString) -> Bool {
    guard let name = LZ4F_getErrorName(result) else { return false }
    return expected.withUTF8Buffer { expected in
      for (index, byte) in expected.enumerated() where UInt8(bitPattern: name[index]) != byte { return false }
      return name[expected.count] == 0
    }
  }
}
