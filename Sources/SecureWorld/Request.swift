import CBOR

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

  /// Why a request was refused.
  public struct Refusal: Error, Equatable, Sendable {
    /// The id to answer to, without which the client wouldn't take the answer for one; 0 if there is none.
    public let id: UInt64
  }

  /// Parses a request that came with a number of descriptors.
  public init(parsing message: ArraySlice<UInt8>, descriptorCount: Int) throws(Refusal) {
    var reader = CBORReader(message)
    var id: UInt64 = 0
    do throws(CBORError) {
      let start = reader.position
      guard try reader.readArrayHeader() == 4, try reader.readUnsigned() == SecureWorldProtocol.version else {
        throw CBORError(.outOfRange, at: start)
      }
      id = try reader.readUnsigned()
      self.id = id
      let operationStart = reader.position
      guard let operation = Operation(rawValue: try reader.readUnsigned()),
        operation.descriptorCount == descriptorCount
      else { throw CBORError(.outOfRange, at: operationStart) }
      self.operation = operation
      _ = try reader.readMap(atMost: 0)
      try reader.finish()
    } catch {
      throw Refusal(id: id)
    }
  }
}
