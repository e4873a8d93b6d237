import CBOR
import COSE
import CLinux
public import DICE
public import DeviceStore
public import ErrorClass
import HuskFormat
import SecretBytes

/// What a stage hands to the next (SPEC 7.4): its CDIs, and what it needs to know. The bootloader gets it through a pipe,
/// the decryptor from its secret provider.
public struct Handoff: ~Copyable {
  public let secrets: DICE.Secrets
  public let notes: HandoffNotes

  public init(secrets: consuming DICE.Secrets, notes: HandoffNotes) {
    self.secrets = secrets
    self.notes = notes
  }

  /// Writes it into a new pipe; returns the read end for the next stage. It fits the pipe's buffer, so nothing waits.
  public borrowing func pipe() throws(ErrorClass) -> Int32 {
    var readEnd: Int32 = -1
    var writeEnd: Int32 = -1
    guard linux_pipe(&readEnd, &writeEnd) == 0 else { throw .internal }
    defer { close(writeEnd) }
    let encoded = notes.encoded()
    guard encoded.count + 2 * DICE.secretSize <= Limits.handoff,
      Self.write(secrets.attest, to: writeEnd), Self.write(secrets.seal, to: writeEnd),
      linux_write_all(writeEnd, encoded, encoded.count) == 0
    else {
      close(readEnd)
      throw .internal
    }
    return readEnd
  }

  /// Drains the pipe that the stage before left, and closes it.
  public init(draining descriptor: Int32) throws(ErrorClass) {
    defer { close(descriptor) }
    let attest = try readSecret(count: DICE.secretSize) { linux_read_all(descriptor, $0, $1) }
    let seal = try readSecret(count: DICE.secretSize) { linux_read_all(descriptor, $0, $1) }
    // One byte more than allowed tells a longer handoff.
    let bytes = [UInt8](unsafeUninitializedCapacity: Limits.handoff + 1) { buffer, used in
      used = max(linux_read_all(descriptor, buffer.baseAddress, buffer.count), 0)
    }
    guard bytes.count <= Limits.handoff else { throw .limitExceeded }
    self.init(secrets: DICE.Secrets(attest: attest, seal: seal), notes: try HandoffNotes(bytes))
  }

  private static func write(_ secret: borrowing SecretBytes, to descriptor: Int32) -> Bool {
    secret.withBytes { bytes in
      bytes.withUnsafeBytes { linux_write_all(descriptor, $0.baseAddress, $0.count) == 0 }
    }
  }
}

/// What boots, as the ROM chose it (SPEC 7.11).
public struct BootNotes: Equatable, Sendable {
  public var slot: Slot
  /// Seconds that a boot on trial has to be confirmed; 0 if it isn't on trial.
  public var watchdog: UInt32
  /// Whether the idle slot is to be made a copy of the one that boots.
  public var needsRefresh: Bool

  public init(slot: Slot, watchdog: UInt32 = 0, needsRefresh: Bool = false) {
    self.slot = slot
    self.watchdog = watchdog
    self.needsRefresh = needsRefresh
  }

  public var isTrial: Bool { watchdog > 0 }
}

/// The public part of a handoff.
public struct HandoffNotes: Equatable, Sendable {
  public var state: BootState
  /// Encoded DICE certificates so far, the bootloader's first.
  public var certificates: [[UInt8]]
  public var firmwareUser: UInt32
  public var firmwareGroup: UInt32
  public var boot: BootNotes

  public init(
    state: BootState, certificates: [[UInt8]], firmwareUser: UInt32, firmwareGroup: UInt32, boot: BootNotes
  ) {
    self.state = state
    self.certificates = certificates
    self.firmwareUser = firmwareUser
    self.firmwareGroup = firmwareGroup
    self.boot = boot
  }

  private static let version: UInt64 = 1

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(1) { $0.encode(unsigned: Self.version) }
      state.encode(to: &map, from: 2)
      map.set(10) { item in
        item.beginArray(certificates.count)
        for certificate in certificates { item.encode(encoded: certificate) }
      }
      map.set(11) { $0.encode(unsigned: UInt64(firmwareUser)) }
      map.set(12) { $0.encode(unsigned: UInt64(firmwareGroup)) }
      map.set(13) { item in
        item.beginArray(3)
        item.encode(unsigned: UInt64(boot.slot.rawValue))
        item.encode(unsigned: UInt64(boot.watchdog))
        item.encode(bool: boot.needsRefresh)
      }
    }
    return encoder.bytes
  }

  public init(_ bytes: [UInt8]) throws(ErrorClass) {
    let notes: HandoffNotes?
    do throws(CBORError) {
      notes = try HandoffNotes(reading: bytes)
    } catch {
      throw ErrorClass(error)
    }
    guard let notes else { throw .unsupportedVersion }
    try notes.state.parseSilicon()
    self = notes
  }
}

extension HandoffNotes {
  /// Nil for what is well formed, but of another version.
  private init?(reading bytes: [UInt8]) throws(CBORError) {
    var reader = CBORReader(bytes)
    var ahead = reader
    try ahead.skipItem()
    try ahead.finish()
    var map = try reader.readMap()
    let members = map.remaining
    try reader.expectKey(1, &map)
    guard try reader.readUnsigned() == Self.version else { return nil }
    guard members == 13 else { throw CBORError(.outOfRange, at: 0) }
    state = try BootState(&reader, &map, from: 2)
    try reader.expectKey(10, &map)
    certificates = try Self.readCertificates(&reader)
    try reader.expectKey(11, &map)
    firmwareUser = try Self.readID(&reader)
    try reader.expectKey(12, &map)
    firmwareGroup = try Self.readID(&reader)
    try reader.expectKey(13, &map)
    boot = try Self.readBoot(&reader)
  }

  private static func readBoot(_ reader: inout CBORReader) throws(CBORError) -> BootNotes {
    let start = reader.position
    guard try reader.readArrayHeader() == 3, let number = UInt8(exactly: try reader.readUnsigned()),
      let slot = Slot(rawValue: number), let watchdog = UInt32(exactly: try reader.readUnsigned())
    else { throw CBORError(.outOfRange, at: start) }
    return BootNotes(slot: slot, watchdog: watchdog, needsRefresh: try reader.readBool())
  }

  private static func readCertificates(_ reader: inout CBORReader) throws(CBORError) -> [[UInt8]] {
    let start = reader.position
    let count = try reader.readArrayHeader()
    guard (1...IdentityFile.layers).contains(count) else { throw CBORError(.outOfRange, at: start) }
    var certificates: [[UInt8]] = []
    for _ in 0..<count {
      var ahead = reader
      do throws(COSEError) {
        _ = try DICECertificate(&ahead)
      } catch {
        throw CBORError(.unexpectedType, at: reader.position)
      }
      certificates.append(Array(try reader.skipItem()))
    }
    return certificates
  }

  private static func readID(_ reader: inout CBORReader) throws(CBORError) -> UInt32 {
    let start = reader.position
    guard let id = UInt32(exactly: try reader.readUnsigned()) else { throw CBORError(.outOfRange, at: start) }
    return id
  }
}
