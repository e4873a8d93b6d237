import CBOR
import ErrorClass

/// A control file's content (SPEC 7.10).
package struct ControlRecord: Equatable {
  package let sequence: UInt64
  package let state: UpdateState

  /// In bytes.
  package static let maximumSize = 4096

  private static let selfDescribed: UInt64 = 55799
  private static let label: UInt64 = 0x4875_7355  // HusU
  private static let version: UInt64 = 1

  init(sequence: UInt64, state: UpdateState) {
    self.sequence = sequence
    self.state = state
  }

  func encoded() -> [UInt8] {
    let state = encodedState()
    var encoder = CBOREncoder()
    encoder.tag(Self.selfDescribed)
    encoder.tag(Self.label)
    encoder.beginArray(3)
    encoder.encode(unsigned: sequence)
    encoder.encode(bytes: state)
    encoder.encode(unsigned: UInt64(Self.checksum(sequence, state)))
    return encoder.bytes
  }

  /// Nil if it isn't whole.
  package init?(_ bytes: [UInt8]) {
    do throws(CBORError) {
      guard let record = try ControlRecord(reading: bytes) else { return nil }
      self = record
    } catch {
      return nil
    }
  }
}

extension ControlRecord {
  private static func checksum(_ sequence: UInt64, _ state: [UInt8]) -> UInt32 {
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(unsigned: sequence)
    encoder.encode(encoded: state)
    return CRC32.checksum(encoder.bytes)
  }

  private init?(reading bytes: [UInt8]) throws(CBORError) {
    var reader = CBORReader(bytes)
    guard try reader.readTag() == Self.selfDescribed, try reader.readTag() == Self.label,
      try reader.readArrayHeader() == 3
    else { return nil }
    let sequence = try reader.readUnsigned()
    let encoded = Array(try reader.readBytes())
    guard try reader.readUnsigned() == UInt64(Self.checksum(sequence, encoded)) else { return nil }
    try reader.finish()
    var content = CBORReader(encoded)
    guard let state = try UpdateState(&content) else { return nil }
    try content.finish()
    self.init(sequence: sequence, state: state)
  }

  private func encodedState() -> [UInt8] {
    var encoder = CBOREncoder()
    // In order already; to sort would be a good part of libhusk's code.
    encoder.beginMap(3 + (state.good == nil ? 0 : 1) + (state.trial == nil ? 0 : 1))
    encoder.encode(unsigned: 1)
    encoder.encode(unsigned: Self.version)
    encoder.encode(unsigned: 2)
    encoder.encode(unsigned: state.run)
    if let good = state.good {
      encoder.encode(unsigned: 3)
      encoder.encode(unsigned: UInt64(good.rawValue))
    }
    if let trial = state.trial {
      encoder.encode(unsigned: 4)
      encoder.beginArray(3)
      encoder.encode(unsigned: UInt64(trial.slot.rawValue))
      encoder.encode(unsigned: UInt64(trial.triesLeft))
      encoder.encode(bool: trial.isConfirmed)
    }
    encoder.encode(unsigned: 5)
    encoder.beginArray(state.history.count)
    for event in state.history { event.encode(to: &encoder) }
    return encoder.bytes
  }
}

extension UpdateState {
  /// Nil for what is well formed, but nothing that this version knows.
  fileprivate init?(_ reader: inout CBORReader) throws(CBORError) {
    var map = try reader.readMap(atMost: 5)
    guard try reader.nextIntegerKey(&map) == 1, try reader.readUnsigned() == 1,
      try reader.nextIntegerKey(&map) == 2
    else { return nil }
    self.init()
    run = try reader.readUnsigned()
    var hasHistory = false
    while map.remaining > 0 {
      switch try reader.nextIntegerKey(&map) {
      case 3:
        guard let slot = try Slot(&reader) else { return nil }
        good = slot
      case 4:
        guard try reader.readArrayHeader() == 3, let slot = try Slot(&reader) else { return nil }
        let tries = try reader.readUnsigned()
        guard tries <= UInt64(Self.tries) else { return nil }
        trial = Trial(slot, triesLeft: UInt8(tries), isConfirmed: try reader.readBool())
      case 5:
        hasHistory = true
        for _ in 0..<(try reader.readArrayHeader(atMost: Self.historyLength)) {
          guard let event = try UpdateEvent(&reader) else { return nil }
          history.append(event)
        }
      default: return nil
      }
    }
    guard hasHistory else { return nil }
  }
}

extension Slot {
  fileprivate init?(_ reader: inout CBORReader) throws(CBORError) {
    guard let number = UInt8(exactly: try reader.readUnsigned()), let slot = Slot(rawValue: number) else { return nil }
    self = slot
  }
}

extension UpdateEvent {
  fileprivate func encode(to encoder: inout CBOREncoder) {
    encoder.beginArray(5)
    encoder.encode(unsigned: run)
    encoder.encode(unsigned: kind.rawValue)
    encoder.encode(unsigned: UInt64(slot.rawValue))
    encoder.encode(unsigned: detail)
    if let version {
      encoder.beginArray(version.count)
      for part in version { encoder.encode(unsigned: UInt64(part)) }
    } else {
      encoder.encodeNull()
    }
  }

  fileprivate init?(_ reader: inout CBORReader) throws(CBORError) {
    guard try reader.readArrayHeader() == 5 else { return nil }
    let run = try reader.readUnsigned()
    guard let kind = Kind(rawValue: try reader.readUnsigned()), let slot = try Slot(&reader) else { return nil }
    let detail = try reader.readUnsigned()
    var version: [UInt32]?
    if reader.nextIsNull {
      try reader.readNull()
    } else {
      guard try reader.readArrayHeader() == 3 else { return nil }
      var parts: [UInt32] = []
      for _ in 0..<3 {
        guard let part = UInt32(exactly: try reader.readUnsigned()) else { return nil }
        parts.append(part)
      }
      version = parts
    }
    self.init(run: run, kind: kind, slot: slot, detail: detail, version: version)
  }
}
