import CBOR
import HostSupport

/// A window on a CBOR sequence in a file of any size.
struct SequenceBuffer: ~Copyable {
  private let file: InputFile
  /// No item that is wanted is longer, in bytes.
  let longestItem: Int
  private(set) var bytes: [UInt8] = []
  /// Where in the bytes the next item begins.
  var position = 0
  /// Where in the file the bytes begin.
  private var start: UInt64 = 0
  private(set) var isAtEnd = false

  private static let pieceSize = 1 << 20

  /// - Parameter path: `-` is standard input.
  init(_ path: String, longestItem: Int) throws(FileError) {
    file = try InputFile(path)
    self.longestItem = longestItem
  }

  /// In bytes; nil for what isn't a regular file.
  var size: UInt64? { file.size }

  /// Where the next item begins in the file.
  var offset: UInt64 { start + UInt64(position) }

  /// Sees to it that the next item is there as a whole, if it isn't too long.
  mutating func fill() throws(FileError) {
    while !isAtEnd, bytes.count - position < longestItem {
      bytes.removeFirst(position)
      start += UInt64(position)
      position = 0
      let piece = try file.read(upTo: Self.pieceSize)
      isAtEnd = piece.count < Self.pieceSize
      bytes += piece
    }
  }

  /// Passes over the next item and returns it; throws where there is none, or one that is too long.
  mutating func takeItem() throws(CBORError) -> [UInt8] {
    let window = bytes[position..<min(bytes.count, position + longestItem)]
    var reader = CBORReader(window)
    let item = Array(try reader.skipItem())
    position = reader.position
    return item
  }
}
