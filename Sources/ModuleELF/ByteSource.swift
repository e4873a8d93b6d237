/// Bytes that an ``ELFFile`` is read from: an array on the host, a memory file on a device.
public protocol ByteSource {
  /// The size of the whole file in bytes. It must not change while the file is being read.
  var count: UInt64 { get }

  /// Fills the whole of `buffer` with the bytes that begin at `offset`.
  ///
  /// The reader asks only for ranges that lie within ``count``, and never for an empty one.
  ///
  /// - Returns: false if the bytes could not be read, which the reader reports as ``ELFError/unreadable``.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool
}

/// A whole file in memory.
public struct ArraySource: ByteSource, Sendable {
  /// The file.
  public let bytes: [UInt8]

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  public var count: UInt64 { UInt64(bytes.count) }

  public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard let start = Int(exactly: offset), start <= bytes.count, buffer.count <= bytes.count - start else {
      return false
    }
    bytes.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + buffer.count]))
    }
    return true
  }
}
