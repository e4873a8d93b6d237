import CBOR

/// A request to the decryptor (SPEC 8).
public struct Request: Equatable, Sendable {
  public let id: UInt64
  public let operation: Operation
  public let wishes: Wishes

  /// What is asked for beside the operation itself.
  public struct Wishes: Equatable, Sendable {
    /// Whether ``Progress`` is to come before the reply; for a load only.
    public var progress: Bool
    /// Whether the module is on trial (SPEC 9.3); for a load only.
    public var onTrial: Bool
    /// Segments that are to be checked; for a check only. None if it is empty.
    public var segments: Range<UInt64>

    public init(progress: Bool = false, onTrial: Bool = false, segments: Range<UInt64> = 0..<0) {
      self.progress = progress
      self.onTrial = onTrial
      self.segments = segments
    }
  }

  public init(id: UInt64, operation: Operation, _ wishes: Wishes = Wishes()) {
    self.id = id
    self.operation = operation
    self.wishes = wishes
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(unsigned: SecureWorldProtocol.version)
    encoder.encode(unsigned: id)
    encoder.encode(unsigned: operation.rawValue)
    // In order already; to sort would be a good part of libhusk's code.
    let hasSegments = !wishes.segments.isEmpty
    encoder.beginMap((wishes.progress ? 1 : 0) + (wishes.onTrial ? 1 : 0) + (hasSegments ? 1 : 0))
    if wishes.progress {
      encoder.encode(unsigned: Label.progress)
      encoder.encode(bool: true)
    }
    if wishes.onTrial {
      encoder.encode(unsigned: Label.onTrial)
      encoder.encode(bool: true)
    }
    if hasSegments {
      encoder.encode(unsigned: Label.segments)
      encoder.beginArray(2)
      encoder.encode(unsigned: wishes.segments.lowerBound)
      encoder.encode(unsigned: wishes.segments.upperBound)
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
      wishes = try Wishes(&reader, operation)
      try reader.finish()
    } catch {
      throw Refusal(id: id)
    }
  }
}

private enum Label {
  static let progress: UInt64 = 1
  static let onTrial: UInt64 = 2
  static let segments: UInt64 = 3
}

extension Request.Wishes {
  /// Reads the body of a request.
  fileprivate init(_ reader: inout CBORReader, _ operation: Operation) throws(CBORError) {
    self.init()
    let start = reader.position
    var map = try reader.readMap()
    while let label = try reader.nextIntegerKey(&map) {
      switch UInt64(exactly: label) {
      case Label.progress where operation == .load:
        progress = try reader.readBool()
        // It is left out if it isn't true.
        guard progress else { throw CBORError(.outOfRange, at: start) }
      case Label.onTrial where operation == .load:
        onTrial = try reader.readBool()
        guard onTrial else { throw CBORError(.outOfRange, at: start) }
      case Label.segments where operation == .check:
        guard try reader.readArrayHeader() == 2 else { throw CBORError(.outOfRange, at: start) }
        let first = try reader.readUnsigned()
        let end = try reader.readUnsigned()
        guard first < end else { throw CBORError(.outOfRange, at: start) }
        segments = first..<end
      default: throw CBORError(.outOfRange, at: start)
      }
    }
  }
}
