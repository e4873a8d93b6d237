public import CBOR
public import ErrorClass

// What decryptor and secret provider say to each other (SPEC 7.6), but for the secrets themselves.

/// What a secret provider can be asked for.
public enum ProviderOperation: UInt64, Sendable {
  case secrets = 0
  case readCounter = 1
  case incrementCounter = 2
  case time = 3
  case confirm = 4
  case tryStaged = 5
}

/// A request to the secret provider.
public struct ProviderRequest: Equatable, Sendable {
  public let id: UInt64
  public let operation: ProviderOperation

  /// The most bytes that one has.
  static let maximumSize = 32

  public init(id: UInt64, operation: ProviderOperation) {
    self.id = id
    self.operation = operation
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(3)
    encoder.encode(unsigned: providerProtocolVersion)
    encoder.encode(unsigned: id)
    encoder.encode(unsigned: operation.rawValue)
    return encoder.bytes
  }

  /// Why a request was refused: it is malformed.
  public struct Refusal: Error, Equatable, Sendable {
    /// The id to answer to; 0 if there is none.
    public let id: UInt64
  }

  public init(parsing message: ArraySlice<UInt8>) throws(Refusal) {
    var reader = CBORReader(message)
    var id: UInt64 = 0
    do throws(CBORError) {
      try reader.expectProviderMessage(items: 3)
      id = try reader.readUnsigned()
      let start = reader.position
      guard let operation = ProviderOperation(rawValue: try reader.readUnsigned()) else {
        throw CBORError(.outOfRange, at: start)
      }
      try reader.finish()
      self.id = id
      self.operation = operation
    } catch {
      throw Refusal(id: id)
    }
  }
}

/// What the secret provider answers, unless it is the secrets.
public struct ProviderReply: Equatable, Sendable {
  public enum Result: Equatable, Sendable {
    /// A counter, or a time in seconds since 1970.
    case value(UInt64)
    /// Done; for a time: the platform has no trusted clock.
    case nothing
    case failed(ErrorClass)
  }

  public let id: UInt64
  public let result: Result

  /// The most bytes that one has.
  static let maximumSize = 32

  public init(id: UInt64, result: Result) {
    self.id = id
    self.result = result
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(unsigned: providerProtocolVersion)
    encoder.encode(unsigned: id)
    switch result {
    case .value(let value):
      encoder.encode(unsigned: 0)
      encoder.encode(unsigned: value)
    case .nothing:
      encoder.encode(unsigned: 0)
      encoder.encodeNull()
    case .failed(let errorClass):
      encoder.encode(integer: Int64(errorClass.rawValue))
      encoder.encodeNull()
    }
    return encoder.bytes
  }

  public init(parsing message: ArraySlice<UInt8>) throws(CBORError) {
    var reader = CBORReader(message)
    try reader.expectProviderMessage(items: 4)
    id = try reader.readUnsigned()
    let start = reader.position
    let status = try reader.readInteger()
    if status != 0 {
      guard let number = Int32(exactly: status), let errorClass = ErrorClass(rawValue: number) else {
        throw CBORError(.outOfRange, at: start)
      }
      try reader.readNull()
      result = .failed(errorClass)
    } else if reader.nextIsNull {
      try reader.readNull()
      result = .nothing
    } else {
      result = .value(try reader.readUnsigned())
    }
    try reader.finish()
  }
}

private let providerProtocolVersion: UInt64 = 1

extension CBORReader {
  /// Reads the head that all messages begin with.
  fileprivate mutating func expectProviderMessage(items: Int) throws(CBORError) {
    let start = position
    guard try readArrayHeader() == items, try readUnsigned() == providerProtocolVersion else {
      throw CBORError(.outOfRange, at: start)
    }
  }
}
