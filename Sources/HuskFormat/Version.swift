import CBOR

/// The version of a module or stage: major, minor, patch.
public struct Version: Equatable, Comparable, Sendable {
  public let major: UInt32
  public let minor: UInt32
  public let patch: UInt32

  public init(_ major: UInt32, _ minor: UInt32, _ patch: UInt32) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  public static func < (one: Version, other: Version) -> Bool {
    if one.major != other.major { return one.major < other.major }
    if one.minor != other.minor { return one.minor < other.minor }
    return one.patch < other.patch
  }

  init(_ reader: inout CBORReader) throws(CBORError) {
    let start = reader.position
    guard try reader.readArrayHeader() == 3 else { throw CBORError(.outOfRange, at: start) }
    major = try Self.readPart(&reader)
    minor = try Self.readPart(&reader)
    patch = try Self.readPart(&reader)
  }

  func encode(to encoder: inout CBOREncoder) {
    encoder.beginArray(3)
    encoder.encode(unsigned: UInt64(major))
    encoder.encode(unsigned: UInt64(minor))
    encoder.encode(unsigned: UInt64(patch))
  }

  private static func readPart(_ reader: inout CBORReader) throws(CBORError) -> UInt32 {
    let start = reader.position
    guard let part = UInt32(exactly: try reader.readUnsigned()) else { throw CBORError(.outOfRange, at: start) }
    return part
  }
}

/// The versions that a grant covers or a status list refuses, both ends included (SPEC 5).
public struct VersionRange: Equatable, Sendable {
  public let lowest: Version
  public let highest: Version

  /// Nil if the ends are the wrong way round.
  public init?(_ lowest: Version, _ highest: Version) {
    guard lowest <= highest else { return nil }
    self.lowest = lowest
    self.highest = highest
  }

  public func contains(_ version: Version) -> Bool {
    lowest <= version && version <= highest
  }

  init(_ reader: inout CBORReader) throws(CBORError) {
    let start = reader.position
    try reader.expectArray(of: 2)
    let lowest = try Version(&reader)
    guard let range = VersionRange(lowest, try Version(&reader)) else { throw CBORError(.outOfRange, at: start) }
    self = range
  }

  func encode(to encoder: inout CBOREncoder) {
    encoder.beginArray(2)
    lowest.encode(to: &encoder)
    highest.encode(to: &encoder)
  }
}
