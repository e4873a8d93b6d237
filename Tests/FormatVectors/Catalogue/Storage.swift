import CBOR
import FormatFixtures
import HuskFormat
import TestSupport

@testable import DeviceStore

/// SPEC 7.8 and 7.10: what a device keeps. It has no classes: a file is in force, or as if it weren't there.
extension Catalogue {
  private mutating func add(
    storage name: String, _ expectation: Vector.Expectation, _ comment: String, object: [UInt8], state: [UInt8] = [],
    counter: UInt64 = 12
  ) throws {
    var vector = Vector(.storage, expectation, comment, object: object)
    if expectation == .success { vector.add("state", hex(state)) }
    vector.add("storage-key", hex(bytes(named: "storage key")))
    vector.add("counter", "\(counter)")
    try add(name, vector, nil, at: nil)
  }

  /// Storage files have 61 KiB, so there are few of them.
  mutating func addStorage() throws {
    let state = RawMap.item { item in
      item.encodeMap { map in
        map.set(1) { $0.encode(unsigned: 1) }
        map.set(2) { $0.encode(unsigned: 3) }
        map.set(3) { item in
          item.beginArray(1)
          item.beginArray(3)
          item.encode(text: "com.acme.codec")
          item.encode(unsigned: 5)
          item.encode(unsigned: 4)
        }
        map.set(4) { item in
          item.beginArray(1)
          item.beginArray(3)
          item.encode(text: "com.acme.")
          item.encode(unsigned: 7)
          item.encode(bytes: bytes(named: "list"))
        }
        map.set(5) { item in
          item.beginArray(1)
          item.beginArray(2)
          item.encode(text: "com.acme.")
          item.encode(unsigned: Moment.issued)
        }
      }
    }
    let key = bytes(named: "storage key")
    let file = try Fixed.seal(state: state, counter: 12, key: key)
    try add(storage: "plain", .success, "a storage file of counter 12, as it should be", object: file, state: state)
    // The counter follows the label and the array's head.
    try add(
      storage: "other-counter", .ignored, "7.8: the counter in the file was changed",
      object: file[..<9] + [13] + file[10...],
      counter: 13)
    try add(storage: "cut-off", .ignored, "7.8: the ciphertext has 61456 bytes", object: Array(file.prefix(300)))
    try add(storage: "empty", .ignored, "7.8: a new device's file is empty", object: [])
    try add(
      storage: "short-ciphertext", .ignored, "7.8: the ciphertext has 61456 bytes",
      object: try Fixed.seal(state: state, counter: 12, key: key, padded: 512))
    try add(
      storage: "labelled-as-grant", .ignored, "1.2: the label is that of a grant",
      object: Array((file[..<7] + [0x47] + file[8...]).prefix(300)))
  }
}

// MARK: Control files

extension Catalogue {
  private mutating func add(
    control name: String, _ expectation: Vector.Expectation, _ comment: String, object: [UInt8]
  ) throws {
    var vector = Vector(.control, expectation, comment, object: object)
    if expectation == .success { vector.add("sequence-number", "9") }
    try add(name, vector, nil, at: nil)
  }

  /// A control file whose checksum is right.
  private static func control(sequence: UInt64 = 9, _ state: [UInt8], checksum change: UInt32 = 0) -> [UInt8] {
    let covered = RawMap.item { item in
      item.beginArray(2)
      item.encode(unsigned: sequence)
      item.encode(encoded: state)
    }
    return [0xd9, 0xd9, 0xf7, 0xda, 0x48, 0x75, 0x73, 0x55]
      + RawMap.item { item in
        item.beginArray(3)
        item.encode(unsigned: sequence)
        item.encode(bytes: state)
        item.encode(unsigned: UInt64(CRC32.checksum(covered) ^ change))
      }
  }

  mutating func addControlFiles() throws {
    /// Version, run, good, trial, events.
    let state: [UInt8] = [
      0xa5, 1, 1, 2, 4, 3, 0, 4, 0x83, 1, 2, 0xf4, 5, 0x82, 0x85, 3, 0, 1, 0, 0x83, 1, 2, 3, 0x85, 4, 1, 1, 2, 0xf6,
    ]
    let file = Self.control(state)
    try add(control: "plain", .success, "a control file with a good slot, a trial and two events", object: file)
    try add(
      control: "empty-state", .success, "7.10: nothing but a run", object: Self.control([0xa3, 1, 1, 2, 0, 5, 0x80]))
    func edited(_ name: String, _ comment: String, _ change: @escaping @Sendable (inout RawMap) -> Void) throws {
      try add(control: name, .ignored, comment, object: Self.control(editMap(change)(state)))
    }
    try add(
      control: "other-checksum", .ignored, "7.10: the checksum is another", object: Self.control(state, checksum: 1))
    try add(
      control: "other-sequence", .ignored, "7.10: the checksum covers the sequence",
      object: file[..<9] + [10] + file[10...])
    try add(control: "cut-off", .ignored, "7.10: the file isn't whole", object: file.dropLast())
    try add(control: "trailing-byte", .ignored, "1.1: a byte follows the outermost item", object: file + [0])
    try add(
      control: "of-other-label", .ignored, "1.2: the label is that of the storage",
      object: file[..<7] + [0x54] + file[8...])
    try add(control: "empty", .ignored, "7.10: an empty file", object: [])
    try add(control: "state-with-more", .ignored, "1.1: a byte follows the state", object: Self.control(state + [0]))
    try edited("version-2", "16: a version to come") { $0.set(1, to: [2]) }
    try edited("without-run", "7.10: the run is left out") { $0.remove(2) }
    try edited("without-events", "7.10: the events are left out") { $0.remove(5) }
    try edited("unknown-label", "1.1: a label that isn't listed") { $0.set(6, to: [0]) }
    try edited("third-slot", "7.10: a slot that there isn't") { $0.set(3, to: [2]) }
    try edited("four-tries", "7.10: a trial has three tries at most") { $0.set(4, to: [0x83, 1, 4, 0xf4]) }
    try edited("trial-of-two", "7.10: a trial has three items") { $0.set(4, to: [0x82, 1, 2]) }
    try edited("unknown-event", "7.10: an event that there isn't") { $0.set(5, to: [0x81, 0x85, 1, 11, 0, 0, 0xf6]) }
    try edited("version-number-2-32", "1.1: a version's numbers are below 2^32") {
      $0.set(5, to: [0x81, 0x85, 1, 0, 0, 0, 0x83, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    }
    try edited("17-events", "11: at most 16 events") {
      $0.set(5, to: [0x91] + (0..<17).flatMap { _ in [0x85, 1, 1, 0, 0, 0xf6] as [UInt8] })
    }
  }
}
