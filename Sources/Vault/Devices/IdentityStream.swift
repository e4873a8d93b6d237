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
    /// How many bytes it takes.
    public let length: UInt64
    /// One CBOR item that begins as an identity file; nil for what can't be one.
    public let bytes: [UInt8]?
  }

  private var buffer: SequenceBuffer
  private var index: UInt64 = 0

  /// `-` is standard input.
  public init(_ path: String) throws(FileError) {
    buffer = try SequenceBuffer(path, longestItem: Limits.identity)
  }

  /// In bytes; nil for what isn't a regular file.
  public var size: UInt64? { buffer.size }

  /// How far it was read, in bytes.
  public var offset: UInt64 { buffer.offset }

  /// The next item; nil at the end, or where a signal asks to stop while something is passed over. All that isn't an
  /// identity comes as one item without bytes, up to the next label of an identity file.
  public mutating func next() throws(FileError) -> Item? {
    try buffer.fill()
    guard buffer.position < buffer.bytes.count else { return nil }
    let start = offset
    let bytes = takeIdentity()
    if bytes == nil, try !skipToLabel() { return nil }
    defer { index += 1 }
    return Item(index: index, offset: start, length: offset - start, bytes: bytes)
  }

  /// Nil where no label stands, or no whole item follows it: then the place stays.
  private mutating func takeIdentity() -> [UInt8]? {
    guard buffer.bytes[buffer.position...].starts(with: Self.label) else { return nil }
    do throws(CBORError) {
      return try buffer.takeItem()
    } catch {
      return nil
    }
  }

  /// False if a signal asks to stop: there may be no end of what is passed over.
  private mutating func skipToLabel() throws(FileError) -> Bool {
    buffer.position += 1
    while !Interruption.isRequested {
      if let place = Self.label(in: buffer.bytes, from: buffer.position) {
        buffer.position = place
        return true
      }
      if buffer.isAtEnd {
        buffer.position = buffer.bytes.count
        return true
      }
      // The label may lie across two pieces.
      buffer.position = max(buffer.position, buffer.bytes.count - Self.label.count + 1)
      try buffer.fill()
    }
    return false
  }

  /// Where the label of an identity file stands.
  private static func label(in bytes: [UInt8], from start: Int) -> Int? {
    var place = start
    while place + label.count <= bytes.count {
      if bytes[place] == label[0], bytes[place..<(place + label.count)].elementsEqual(label) { return place }
      place += 1
    }
    return nil
  }

  private static let label: [UInt8] = {
    var encoder = CBOREncoder()
    FileLabel.identity.encode(to: &encoder)
    return encoder.bytes
  }()
}
