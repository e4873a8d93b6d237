public import CBOR

/// How far a load is (SPEC 8). It comes between the request and its reply, if the request asked for it.
public struct Progress: Equatable, Sendable {
  /// The id of the request.
  public let id: UInt64
  /// Bytes of the payload that were verified and decrypted so far; at most ``total``.
  public let done: UInt64
  /// The size of the payload in bytes.
  public let total: UInt64

  /// The most of them that come for one load.
  public static let most: UInt64 = 64

  public init(id: UInt64, done: UInt64, total: UInt64) {
    self.id = id
    self.done = done
    self.total = total
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(unsigned: DecryptorMessage.Kind.progress)
    encoder.encode(unsigned: id)
    encoder.encode(unsigned: done)
    encoder.encode(unsigned: total)
    return encoder.bytes
  }

  public init(parsing message: ArraySlice<UInt8>) throws(CBORError) {
    var reader = CBORReader(message)
    let start = reader.position
    guard try reader.readArrayHeader() == 4, try reader.readUnsigned() == DecryptorMessage.Kind.progress else {
      throw CBORError(.outOfRange, at: start)
    }
    id = try reader.readUnsigned()
    done = try reader.readUnsigned()
    total = try reader.readUnsigned()
    guard done <= total else { throw CBORError(.outOfRange, at: start) }
    try reader.finish()
  }
}

/// What a client receives while it waits for the answer to a request.
public enum DecryptorMessage: Equatable, Sendable {
  /// More will come.
  case progress(Progress)
  /// The answer.
  case reply(Reply)

  /// What a message begins with.
  enum Kind {
    static let reply: UInt64 = 1
    static let progress: UInt64 = 2
  }

  /// Parses a message that came after a request for `operation`.
  public init(parsing message: ArraySlice<UInt8>, to operation: Operation) throws(CBORError) {
    var reader = CBORReader(message)
    _ = try reader.readArrayHeader()
    self =
      try reader.readUnsigned() == Kind.progress
      ? .progress(try Progress(parsing: message)) : .reply(try Reply(parsing: message, to: operation))
  }
}
