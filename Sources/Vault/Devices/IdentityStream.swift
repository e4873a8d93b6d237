import CBOR
public import HostSupport
import HuskFormat

/// The identities in a file of any number of them, one behind the other (SPEC 14.4), read piece by piece.
public struct IdentityStream: ~Copyable {
  /// What was found at a place in the file.
  public struct Item: Sendable {
    /// Counts from 0.
    public let index: UInt64
    /// Where it begins, in bytes.
    public let offset: UInt64
    /// One CBOR item, which may be an identity; nil where there is none.
    public let bytes: [UInt8]?
  }

  private let file: InputFile
  private var buffer: [UInt8] = []
  /// Where in the buffer the next item begins.
  private var position = 0
  /// Where in the file the buffer begins.
  private var bufferOffset: UInt64 = 0
  private var isAtEnd = false
  private var index: UInt64 = 0

  private static let pieceSize = 1 << 20

  /// `-` is standard input.
  public init(_ path: String) throws(FileError) {
    file = try InputFile(path)
  }

  /// In bytes; nil for what isn't a regular file.
  public var size: UInt64? { file.size }

  /// How far it was read, in bytes.
  public var offset: UInt64 { bufferOffset + UInt64(position) }

  /// The next item, or nil at the end. What isn't well formed comes as one item without bytes, up to the next label of
  /// an identity file.
  public mutating func next() throws(FileError) -> Item? {
    try fill()
    guard position < buffer.count else { return nil }
    defer { index += 1 }
    let start = offset
    // No identity is longer: what is, isn't one.
    let window = buffer[position..<min(buffer.count, position + Limits.identity)]
    do throws(CBORError) {
      var reader = CBORReader(window)
      let item = Array(try reader.skipItem())
      position = reader.position
      return Item(index: index, offset: start, bytes: item)
    } catch {
      try skipToLabel()
      return Item(index: index, offset: start, bytes: nil)
    }
  }

  /// Sees to it that the buffer holds a whole identity, if there is one.
  private mutating func fill() throws(FileError) {
    guard !isAtEnd, buffer.count - position < Limits.identity else { return }
    buffer.removeFirst(position)
    bufferOffset += UInt64(position)
    position = 0
    let piece = try file.read(upTo: Self.pieceSize)
    isAtEnd = piece.count < Self.pieceSize
    buffer += piece
  }

  private mutating func skipToLabel() throws(FileError) {
    position += 1
    while true {
      let label = Self.label
      var candidate = position
      while candidate + label.count <= buffer.count {
        if buffer[candidate] == label[0], buffer[candidate..<(candidate + label.count)].elementsEqual(label) {
          position = candidate
          return
        }
        candidate += 1
      }
      if isAtEnd {
        position = buffer.count
        return
      }
      // The label may lie across two pieces.
      position = candidate
      try fill()
    }
  }

  private static let label: [UInt8] = {
    var encoder = CBOREncoder()
    FileLabel.identity.encode(to: &encoder)
    return encoder.bytes
  }()
}
