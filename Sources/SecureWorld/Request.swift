import CBOR

/// A request to the decryptor (SPEC 8).
public struct Request: Equatable, Sendable {
  public let id: UInt64
  public let operation: Operation
  /// Whether ``Progress`` is to come before the reply; for a load only.
  public let wantsProgress: Bool

  public init(id: UInt64, operation: Operation, wantsProgress: Bool = false) {
    self.id = id
    self.operation = operation
    self.wantsProgress = wantsProgress
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(unsigned: SecureWorldProtocol.version)
    encoder.encode(unsigned: id)
    encoder.encode(unsigned: operation.rawValue)
    // One entry needs no sorting, which would be a good part of libhusk's code.
    encoder.beginMap(wantsProgress ? 1 : 0)
    if wantsProgress {
      encoder.encode(unsigned: 1)
      encoder.encode(bool: true)
    }
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
      wantsProgress = try Self.readWish(&reader, operation)
      try reader.finish()
    } catch {
      throw Refusal(id: id)
    }
  }

  /// Reads the body of a request.
  private static func readWish(_ reader: inout CBORReader, _ operation: Operation) throws(CBORError) -> Bool {
    let start = reader.position
    var map = try reader.readMap(atMost: operation == .load ? 1 : 0)
    guard let label = try reader.nextIntegerKey(&map) else { return false }
    // It is left out if it isn't true.
    guard label == 1, try reader.readBool() else { throw CBORError(.outOfRange, at: start) }
    return true
  }
}
