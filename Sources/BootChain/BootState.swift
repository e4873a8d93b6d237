import CBOR
import ErrorClass
public import HuskFormat

/// What the platform knows of itself, and stages hand on to each other: the public part of fuses and handoff.
public struct BootState: Equatable, Sendable {
  public var bootRoots: TrustAnchors
  public var lifecycle: Lifecycle
  /// Security-version floors.
  public var floors: Floors
  /// Raising it re-keys the device.
  public var keyEpoch: UInt64
  /// Lower bound of the present, seconds since 1970.
  public var time: UInt64
  /// Whether the platform's clock can be trusted.
  public var hasTrustedClock: Bool
  /// The encoded silicon certificate chain.
  public var silicon: [UInt8]

  public init(
    bootRoots: TrustAnchors, lifecycle: Lifecycle, floors: Floors, keyEpoch: UInt64, time: UInt64,
    hasTrustedClock: Bool, silicon: [UInt8]
  ) {
    self.bootRoots = bootRoots
    self.lifecycle = lifecycle
    self.floors = floors
    self.keyEpoch = keyEpoch
    self.time = time
    self.hasTrustedClock = hasTrustedClock
    self.silicon = silicon
  }

  /// Boot stages are verified against the lower bound alone (SPEC 1.4).
  var verifier: ChainVerifier {
    ChainVerifier(anchors: bootRoots, time: TimeBasis(lowerBound: time, trustedClock: nil))
  }
}

/// The lowest security version that each stage may have (SPEC 7.1).
public struct Floors: Equatable, Sendable {
  public var loader: UInt64
  public var decryptor: UInt64
  public var firmware: UInt64

  public init(loader: UInt64, decryptor: UInt64, firmware: UInt64) {
    self.loader = loader
    self.decryptor = decryptor
    self.firmware = firmware
  }

  public subscript(stage: Stage) -> UInt64 {
    switch stage {
    case .bootloader: loader
    case .decryptor: decryptor
    case .firmware: firmware
    }
  }

  /// Raises those that the others are above of.
  public mutating func raise(to others: Floors) {
    loader = max(loader, others.loader)
    decryptor = max(decryptor, others.decryptor)
    firmware = max(firmware, others.firmware)
  }

  /// The lower one of each.
  func lower(_ others: Floors) -> Floors {
    Floors(
      loader: min(loader, others.loader), decryptor: min(decryptor, others.decryptor),
      firmware: min(firmware, others.firmware))
  }
}

extension BootState {
  /// The labels of the members that fuses and handoff share; they are numbered on from `first`.
  func encode(to map: inout CBORMapEncoder, from first: Int64) {
    map.set(first) { item in
      item.beginArray(bootRoots.thumbprints.count)
      for root in bootRoots.thumbprints { item.encode(bytes: root) }
    }
    map.set(first + 1) { $0.encode(unsigned: UInt64(bootRoots.revoked)) }
    map.set(first + 2) { lifecycle.encode(to: &$0) }
    map.set(first + 3) { item in
      item.beginArray(3)
      item.encode(unsigned: floors.loader)
      item.encode(unsigned: floors.decryptor)
      item.encode(unsigned: floors.firmware)
    }
    map.set(first + 4) { $0.encode(unsigned: keyEpoch) }
    map.set(first + 5) { $0.encode(unsigned: time) }
    map.set(first + 6) { $0.encode(bool: hasTrustedClock) }
    map.set(first + 7) { $0.encode(encoded: silicon) }
  }

  /// Reads the eight members, which must be there in order from label `first` on.
  init(_ reader: inout CBORReader, _ map: inout CBORMapCursor, from first: Int64) throws(CBORError) {
    try reader.expectKey(first, &map)
    var roots: [[UInt8]] = []
    let rootsStart = reader.position
    let count = try reader.readArrayHeader()
    guard (1...4).contains(count) else { throw CBORError(.outOfRange, at: rootsStart) }
    for _ in 0..<count { roots.append(Array(try reader.readBytes(count: 32))) }
    try reader.expectKey(first + 1, &map)
    let revokedStart = reader.position
    guard let revoked = UInt8(exactly: try reader.readUnsigned()) else {
      throw CBORError(.outOfRange, at: revokedStart)
    }
    try reader.expectKey(first + 2, &map)
    let lifecycle = try Lifecycle(&reader)
    try reader.expectKey(first + 3, &map)
    let floorsStart = reader.position
    guard try reader.readArrayHeader() == 3 else { throw CBORError(.outOfRange, at: floorsStart) }
    let floors = Floors(
      loader: try reader.readUnsigned(), decryptor: try reader.readUnsigned(), firmware: try reader.readUnsigned())
    try reader.expectKey(first + 4, &map)
    let keyEpoch = try reader.readCount()
    try reader.expectKey(first + 5, &map)
    let time = try reader.readCount()
    try reader.expectKey(first + 6, &map)
    let hasTrustedClock = try reader.readBool()
    try reader.expectKey(first + 7, &map)
    self.init(
      bootRoots: TrustAnchors(thumbprints: roots, revoked: revoked), lifecycle: lifecycle, floors: floors,
      keyEpoch: keyEpoch, time: time, hasTrustedClock: hasTrustedClock, silicon: Array(try reader.skipItem()))
  }

  /// Checks that the silicon chain is a chain. Verifying it is for vendors.
  func parseSilicon() throws(ErrorClass) {
    do throws(FormatError) {
      _ = try CertificateChain(encoded: silicon)
    } catch {
      throw error.errorClass
    }
  }
}

extension ErrorClass {
  /// What a fault of the encoding means (SPEC 10).
  init(_ error: CBORError) {
    self = error.kind == .tooLarge ? .limitExceeded : .malformed
  }
}
