public import CBOR

/// A request to the decryptor (SPEC 8).
public struct Request: Equatable, Sendable {
  public let id: UInt64
  public let operation: Operation

  public init(id: UInt64, operation: Operation) {
    self.id = id
    self.operation = operation
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(unsigned: SecureWorldProtocol.version)
    encoder.encode(unsigned: id)
    encoder.encode(unsigned: operation.rawValue)
    encoder.encodeMap { _ in }
    return encoder.bytes
  }

  public init(parsing message: ArraySlice<UInt8>) throws(CBORError) {
    var reader = CBORReader(message)
    let start = reader.position
    guard try reader.readArrayHeader() == 4 else { throw CBORError(.outOfRange, at: start) }
    guard try reader.readUnsigned() == SecureWorldProtocol.version else { throw CBORError(.outOfRange, at: start) }
    id = try reader.readUnsigned()
    let operationStart = reader.position
    guard let operation = Operation(rawValue: try reader.readUnsigned()) else {
      throw CBORError(.outOfRange, at: operationStart)
    }
    self.operation = operation
    _ = try reader.readMap(atMost: 0)
    try reader.finish()
  }
}
