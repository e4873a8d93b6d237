import CLinux
import Compression
import ErrorClass
import HuskFormat
import SecretBytes

/// Takes a module's decrypted bytes as they come, decompresses them into a memory file (SPEC 9.1, step 4), and checks the
/// padding that follows the frame.
struct ModuleUnpacker: ~Copyable {
  private let file: Int32
  private let sizeBound: UInt64
  private var decoder: LZ4FrameDecoder?
  private var padding = PaddingChecker()
  private var staging: SecretBytes
  private var written: UInt64 = 0
  private var hasStarted = false
  private var isFrameComplete = false

  /// As much as one block of the frame holds.
  private static let stagingSize = 262_144

  /// - Parameters:
  ///   - file: a new memory file; it stays the caller's.
  ///   - sizeBound: what the manifest declares.
  init(file: Int32, sizeBound: UInt64) throws(ErrorClass) {
    self.file = file
    self.sizeBound = sizeBound
    do throws(SecretBytesError) {
      staging = try SecretBytes(count: Self.stagingSize)
    } catch {
      throw .outOfMemory
    }
  }

  mutating func take(_ plaintext: RawSpan) throws(ErrorClass) {
    guard !hasStarted else { return try decode(plaintext) }
    hasStarted = true
    // The first chunk holds at least the frame's header, or there is none.
    do throws(CompressionError) {
      decoder = try LZ4FrameDecoder(header: plaintext, atMost: sizeBound)
    } catch {
      throw ErrorClass(error)
    }
    try decode(plaintext.extracting(LZ4FrameDecoder.headerSize..<plaintext.byteCount))
  }

  /// Checks that frame and padding are complete; returns the module's size in bytes.
  func finish() throws(ErrorClass) -> UInt64 {
    guard isFrameComplete, padding.isComplete else { throw .decompressionFailed }
    return written
  }

  private mutating func decode(_ input: RawSpan) throws(ErrorClass) {
    var position = 0
    while position < input.byteCount, !isFrameComplete {
      position += try step(input.extracting(position..<input.byteCount))
    }
    if position < input.byteCount, !padding.take(input.extracting(position..<input.byteCount)) {
      throw .decompressionFailed
    }
  }

  /// Decodes into the staging buffer and writes that out; returns how much of the input was consumed.
  private mutating func step(_ input: RawSpan) throws(ErrorClass) -> Int {
    let file = file
    let offset = written
    let progress: LZ4FrameDecoder.Progress? = try staging.withMutableBytes { (buffer) throws(ErrorClass) in
      var output = buffer.mutableBytes
      let progress: LZ4FrameDecoder.Progress?
      do throws(CompressionError) {
        progress = try decoder?.decode(input, into: &output)
        isFrameComplete = decoder?.isComplete ?? false
      } catch {
        throw ErrorClass(error)
      }
      if let progress, progress.produced > 0,
        linux_pwrite_all(file, buffer.baseAddress, progress.produced, offset) != 0
      {
        throw .outOfMemory
      }
      return progress
    }
    guard let progress, progress.consumed > 0 || progress.produced > 0 else { throw .decompressionFailed }
    written += UInt64(progress.produced)
    return progress.consumed
  }
}

extension ErrorClass {
  init(_ error: CompressionError) {
    switch error {
    case .boundExceeded: self = .sizeMismatch
    case .outOfMemory: self = .outOfMemory
    case .frameNotAcceptable, .malformed, .truncated, .emptyInput: self = .decompressionFailed
    }
  }
}
