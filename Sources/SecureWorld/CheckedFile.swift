public import CBOR

/// What the decryptor found a package, grant or status list to be that it let pass (check-reply of SPEC 8). What a kind of
/// file doesn't have is 0.
public struct CheckedFile: Equatable, Sendable {
  /// ASCII: a package's role, `grant` or `status`.
  public var role: [UInt8]
  /// ASCII: the name of the module or stage, or the scope of a status list.
  public var name: [UInt8]
  /// Major, minor, patch.
  public var version: [UInt32]
  public var securityVersion: UInt64
  /// The key epoch of a module or grant.
  public var epoch: UInt64
  /// Where in the file the payload begins.
  public var payloadOffset: UInt64
  /// Of the payload, in bytes.
  public var payloadSize: UInt64
  /// Of the payload's first segment, in bytes.
  public var firstSegment: UInt64
  /// Of the other segments, in bytes; the last one may be shorter.
  public var segment: UInt64
  /// SHA-256 of what is signed: a package's identity.
  public var digest: [UInt8]
  /// A grant's sequence number, or a status list's.
  public var number: UInt64

  public init(
    role: [UInt8], name: [UInt8], version: [UInt32] = [0, 0, 0], securityVersion: UInt64 = 0, epoch: UInt64 = 0,
    payloadOffset: UInt64 = 0, payloadSize: UInt64 = 0, firstSegment: UInt64 = 0, segment: UInt64 = 0, digest: [UInt8],
    number: UInt64 = 0
  ) {
    self.role = role
    self.name = name
    self.version = version
    self.securityVersion = securityVersion
    self.epoch = epoch
    self.payloadOffset = payloadOffset
    self.payloadSize = payloadSize
    self.firstSegment = firstSegment
    self.segment = segment
    self.digest = digest
    self.number = number
  }

  /// How many segments the payload has (SPEC 4.1); none where there is no payload.
  public var segments: UInt64 {
    guard firstSegment > 0, segment > 0, payloadSize > 0 else { return 0 }
    return payloadSize <= firstSegment ? 1 : (payloadSize - firstSegment - 1) / segment + 2
  }

  /// Where in the payload the first `count` segments end.
  public func end(of count: UInt64) -> UInt64 {
    guard count > 0 else { return 0 }
    return count < segments ? firstSegment + (count - 1) * segment : payloadSize
  }

  public func encode(to encoder: inout CBOREncoder) {
    let texts = [role, name]
    let numbers = [securityVersion, epoch, payloadOffset, payloadSize, firstSegment, segment]
    var label: UInt64 = 0
    func next(_ encoder: inout CBOREncoder) {
      label += 1
      encoder.encode(unsigned: label)
    }
    encoder.beginMap(11)
    for text in texts {
      next(&encoder)
      // They are ASCII; what isn't can't be encoded as text and is refused by the reader.
      do throws(CBORError) { try encoder.encode(textUTF8: text) } catch { encoder.encodeNull() }
    }
    next(&encoder)
    encoder.encode(version: version)
    for number in numbers {
      next(&encoder)
      encoder.encode(unsigned: number)
    }
    next(&encoder)
    encoder.encode(bytes: digest)
    next(&encoder)
    encoder.encode(unsigned: number)
  }

  /// The labels of a place in the file, and of numbers of bytes.
  private static let sizes: ClosedRange<Int64> = 6...9

  public init(_ reader: inout CBORReader) throws(CBORError) {
    self.init(role: [], name: [], digest: [])
    var map = try reader.readMap()
    var labels: Int64 = 0
    while let label = try reader.nextIntegerKey(&map) {
      labels += 1
      // All of them, in order.
      guard label == labels else { throw CBORError(.unexpectedType, at: reader.position) }
      switch label {
      case 1: role = Array(try reader.readText())
      case 2: name = Array(try reader.readText())
      case 3: version = try reader.readVersion()
      case 10: digest = Array(try reader.readBytes(count: 32))
      default:
        let start = reader.position
        let number = try reader.readUnsigned()
        // No package is so large, and so sums of these stay within 64 bits whatever a decryptor says.
        guard number <= UInt64(UInt32.max) || !Self.sizes.contains(label) else {
          throw CBORError(.outOfRange, at: start)
        }
        switch label {
        case 4: securityVersion = number
        case 5: epoch = number
        case 6: payloadOffset = number
        case 7: payloadSize = number
        case 8: firstSegment = number
        case 9: segment = number
        default: self.number = number
        }
      }
    }
    guard labels == 11 else { throw CBORError(.unexpectedType, at: reader.position) }
  }
}

extension CBOREncoder {
  mutating func encode(version: [UInt32]) {
    beginArray(version.count)
    for part in version { encode(unsigned: UInt64(part)) }
  }
}

extension CBORReader {
  /// Major, minor, patch.
  mutating func readVersion() throws(CBORError) -> [UInt32] {
    let start = position
    guard try readArrayHeader() == 3 else { throw CBORError(.outOfRange, at: start) }
    var version: [UInt32] = []
    for _ in 0..<3 {
      guard let part = UInt32(exactly: try readUnsigned()) else { throw CBORError(.outOfRange, at: start) }
      version.append(part)
    }
    return version
  }
}
