import CBOR
import TestSupport
import Testing

@testable import DeviceStore

private let state = UpdateState(
  run: 300, good: .a, trial: UpdateState.Trial(.b, triesLeft: 2, isConfirmed: true),
  history: [
    UpdateEvent(run: 299, kind: .installed, slot: .b, version: [1, 2, 70000]),
    UpdateEvent(run: 300, kind: .refused, slot: .a, detail: 21),
  ])

private let sixteen = String(repeating: "8500000000f6", count: 16)
private let seventeen = String(repeating: "8500000000f6", count: 17)

private func spaced(_ hexadecimal: String) -> [UInt8] {
  bytes(fromHex: hexadecimal.filter { $0 != " " })
}

/// As SPEC 7.10 has it, written by hand.
private let stateBytes = spaced(
  "a5 0101 0219012c 0300 04830102f5"
    + "0582 8519012b 00 01 00 8301021a00011170 8519012c 04 00 15 f6")

private func record(_ sequence: String, _ state: [UInt8], checksum: UInt32? = nil) -> [UInt8] {
  let checked = spaced("82" + sequence) + state
  let length = state.count < 24 ? [0x40 + UInt8(state.count)] : [0x58, UInt8(state.count)]
  var encoder = CBOREncoder()
  encoder.encode(unsigned: UInt64(checksum ?? CRC32.checksum(checked)))
  return spaced("d9d9f7 da48757355 83" + sequence) + length + state + encoder.bytes
}

private func isWhole(state hexadecimal: String) -> Bool {
  ControlRecord(record("05", spaced(hexadecimal))) != nil
}

/// SPEC 7.10.
@Suite("A control file's content")
struct ControlRecordTests {
  @Test("is encoded byte by byte as the specification says")
  func encoding() {
    #expect(hex(ControlRecord(sequence: 5, state: state).encoded()) == hex(record("05", stateBytes)))
    #expect(
      hex(ControlRecord(sequence: 1, state: UpdateState()).encoded())
        == hex(record("01", spaced("a3010102000580"))))
  }

  @Test("is read as it was written, for every state")
  func roundTrip() {
    for state in everyState {
      let record = ControlRecord(sequence: .max, state: state)
      #expect(ControlRecord(record.encoded()) == record)
    }
    #expect(ControlRecord(record("05", stateBytes)) == ControlRecord(sequence: 5, state: state))
  }

  @Test("fits a control file with all numbers at their greatest")
  func size() {
    let event = UpdateEvent(run: .max, kind: .refreshed, slot: .b, detail: .max, version: [.max, .max, .max])
    let full = UpdateState(
      run: .max, good: .b, trial: UpdateState.Trial(.b),
      history: Array(repeating: event, count: UpdateState.historyLength))
    let record = ControlRecord(sequence: .max, state: full)
    #expect(record.encoded().count <= ControlRecord.maximumSize)
    #expect(ControlRecord(record.encoded()) == record)
  }

  @Test("isn't whole with any bit changed, any byte missing, or a byte too many")
  func damage() {
    let whole = ControlRecord(sequence: 5, state: state).encoded()
    for bit in 0..<whole.count * 8 {
      var rotten = whole
      rotten[bit / 8] ^= 1 << (bit % 8)
      #expect(ControlRecord(rotten) == nil, "bit \(bit)")
    }
    for count in 0..<whole.count {
      #expect(ControlRecord(Array(whole.prefix(count))) == nil)
      #expect(ControlRecord(whole.prefix(count) + Array(repeating: 0, count: whole.count - count)) == nil)
    }
    #expect(ControlRecord(whole + [0]) == nil)
  }

  @Test("isn't whole when two halves of different ones meet")
  func halves() {
    let one = ControlRecord(sequence: 5, state: state).encoded()
    var other = state
    other.trial = UpdateState.Trial(.b, triesLeft: 1)
    let next = ControlRecord(sequence: 6, state: other).encoded()
    for count in 1..<min(one.count, next.count) where Array(one.prefix(count)) != Array(next.prefix(count)) {
      let mixed = next.prefix(count) + one.dropFirst(count)
      #expect(Array(mixed) == next || ControlRecord(Array(mixed)) == nil, "\(count)")
    }
  }

  @Test(
    "with a right checksum but another meaning is refused",
    arguments: [
      ("a3 0102 0200 0580", "another version"),
      ("a2 0200 0580", "no version"),
      ("a2 0101 0580", "no run"),
      ("a2 0101 0200", "no history"),
      ("a4 0101 0200 0302 0580", "a third slot is good"),
      ("a4 0101 0200 04830200f4 0580", "a third slot is on trial"),
      ("a4 0101 0200 04830004f4 0580", "four tries"),
      ("a4 0101 0200 048200f4 0580", "no tries"),
      ("a4 0101 0200 0483000300 0580", "confirmed is a number"),
      ("a4 0101 0200 0580 0600", "an unknown label"),
      ("a3 0101 0200 0581850b0b000000", "an unknown kind"),
      ("a3 0101 0200 0581 8500000200f6", "an event of a third slot"),
      ("a3 0101 0200 05818400000000", "an event without a version"),
      ("a3 0101 0200 05818500000000820101", "a version of two numbers"),
      ("a3 0101 0200 0581850000000083011b000000010000000001", "a version beyond 32 bits"),
      ("a3 0101 0200 0591" + seventeen, "17 events"),
      ("a3 0200 0101 0580", "keys out of order"),
      ("a3 0101 021800 0580", "a number that isn't the shortest"),
      ("a3 0101 0200 058000", "something behind it"),
      ("80", "no map"),
      ("", "nothing"),
    ])
  func meaning(state: String, what: String) {
    #expect(!isWhole(state: state), "\(what)")
  }

  @Test("that the refused ones differ from is whole")
  func wellFormed() {
    #expect(isWhole(state: "a3 0101 0200 0580"))
    #expect(isWhole(state: "a4 0101 0200 04830103f4 0580"))
    #expect(isWhole(state: "a3 0101 0200 0581850000000083010101"))
    #expect(isWhole(state: "a3 0101 0200 0590" + sixteen))
  }

  @Test("of another kind of file is refused")
  func kind() {
    let whole = record("05", stateBytes)
    #expect(ControlRecord(whole) != nil)
    #expect(ControlRecord(Array(whole.dropFirst(3))) == nil)
    #expect(ControlRecord(spaced("d9d9f7da48757354") + whole.dropFirst(8)) == nil)
    #expect(ControlRecord(record("05", stateBytes, checksum: 0)) == nil)
    #expect(ControlRecord(record("1805", stateBytes)) == nil)
  }
}
