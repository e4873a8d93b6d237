import BootChain
import CBOR
import CLinux
import DICE
import DeviceStore
import ErrorClass
import FormatFixtures
import HuskFormat
import SecretBytes
import Testing

/// SPEC 7.4.
@Suite("Handoff")
struct HandoffTests {
  private static let attest = bytes(named: "attest")
  private static let seal = bytes(named: "seal")

  private func notes(layers: Int = 2) throws -> HandoffNotes {
    let identity = IdentityFixture()
    var secrets = DICE.Secrets(attest: try secret(identity.uds), seal: try secret(identity.uds))
    var certificates: [[UInt8]] = []
    for layer in identity.layers.prefix(layers) {
      let next = try secrets.derived(with: layer.inputs)
      certificates.append(
        try DICECertificate.issue(
          inputs: layer.inputs, subject: DICE.signingKey(from: next.attest),
          issuer: DICE.signingKey(from: secrets.attest)))
      secrets = next
    }
    return HandoffNotes(
      state: try .fixture(), certificates: certificates, firmwareUser: 64_902, firmwareGroup: 64_903,
      boot: BootNotes(slot: .b, watchdog: 60, needsRefresh: true))
  }

  private func parse(_ edit: Edit) throws -> ErrorClass? {
    let bytes = edit(try notes().encoded())
    return outcome { () throws(ErrorClass) in _ = try HandoffNotes(bytes) }
  }

  @Test("notes are read as they were written")
  func roundTrip() throws {
    for layers in 1...2 {
      var notes = try notes(layers: layers)
      #expect(try HandoffNotes(notes.encoded()) == notes)
      notes.firmwareUser = .max
      notes.firmwareGroup = 0
      notes.state.time = 0
      notes.boot = BootNotes(slot: .a, watchdog: .max)
      #expect(try HandoffNotes(notes.encoded()) == notes)
    }
  }

  private static let labels: [Int64] = (1...13).map { $0 }
  static let breakages = Breakage.all(required: labels) + Breakage.values(of: labels)

  @Test("notes are refused in any other form", arguments: breakages)
  func broken(_ breakage: Breakage) throws {
    #expect(try parse(breakage.edit) == .malformed)
  }

  @Test("notes of another version are refused for that")
  func version() throws {
    for version in [[0], [2], [0x1b] + [UInt8](repeating: 0xff, count: 8)] as [[UInt8]] {
      #expect(try parse(editMap { $0.set(1, to: version) }) == .unsupportedVersion)
      let other = editMap { map in
        map.set(1, to: version)
        map.set(14, to: [0xf6])
        map.remove(3)
      }
      #expect(try parse(other) == .unsupportedVersion)
    }
  }

  @Test("notes are refused with values that SPEC doesn't know")
  func values() throws {
    func outcome(_ label: Int64, _ value: [UInt8]) throws -> ErrorClass? {
      try parse(editMap { $0.set(label, to: value) })
    }
    let certificates = try notes().certificates
    #expect(try outcome(10, [0x81] + certificates[0]) == nil)
    #expect(try outcome(10, [0x80]) == .malformed)
    #expect(try outcome(10, [0x83] + certificates[0] + certificates[1] + certificates[1]) == .malformed)
    #expect(try outcome(10, [0x81, 0]) == .malformed)
    #expect(try outcome(11, [0x1b, 0, 0, 0, 1, 0, 0, 0, 0]) == .malformed)
    #expect(try outcome(12, [0x1b, 0, 0, 0, 1, 0, 0, 0, 0]) == .malformed)
    #expect(try outcome(6, [0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]) == .limitExceeded)
    #expect(try outcome(13, [0x83, 1, 0, 0xf4]) == nil)
    for boot in [
      [0x83, 2, 0, 0xf4], [0x83, 0, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0xf4], [0x83, 0, 0, 0], [0x82, 0, 0],
      [0x84, 0, 0, 0xf4, 0],
    ] as [[UInt8]] {
      #expect(try outcome(13, boot) == .malformed)
    }
    #expect(try outcome(5, [0x83] + [0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0] + [0, 0]) == nil)
  }

  // MARK: The pipe

  @Test("secrets and notes come through a pipe")
  func pipe() throws {
    let handoff = Handoff(
      secrets: DICE.Secrets(attest: try secret(Self.attest), seal: try secret(Self.seal)), notes: try notes())
    let received = try Handoff(draining: handoff.pipe())
    #expect(received.secrets.attest.bytes == Self.attest)
    #expect(received.secrets.seal.bytes == Self.seal)
    #expect(received.notes == handoff.notes)
  }

  @Test("one that is too large for the pipe isn't written at all")
  func tooLarge() throws {
    var notes = try notes()
    notes.certificates.append([UInt8](repeating: 0, count: 32_768))
    let handoff = Handoff(
      secrets: DICE.Secrets(attest: try secret(Self.attest), seal: try secret(Self.seal)), notes: notes)
    #expect(outcome { () throws(ErrorClass) in _ = try handoff.pipe() } == .internal)
  }

  /// What a stage makes of bytes in its pipe.
  private func drain(_ bytes: [UInt8]) throws -> ErrorClass? {
    var readEnd: Int32 = -1
    var writeEnd: Int32 = -1
    try #require(linux_pipe(&readEnd, &writeEnd) == 0)
    // Less than a pipe's buffer: nobody waits.
    try #require(bytes.count < 65_536 && linux_write_all(writeEnd, bytes, bytes.count) == 0)
    close(writeEnd)
    return outcome { () throws(ErrorClass) in
      let handoff = try Handoff(draining: readEnd)
      _ = handoff.notes.firmwareUser
    }
  }

  @Test("one that is cut off, too long or goes on is refused")
  func refused() throws {
    let whole = Self.attest + Self.seal + (try notes().encoded())
    #expect(try drain(whole) == nil)
    for length in stride(from: 0, to: whole.count, by: 7) {
      #expect(try drain(Array(whole[..<length])) == .malformed, "\(length)")
    }
    #expect(try drain(Array(whole.dropLast())) == .malformed)
    #expect(try drain(whole + [0]) == .malformed)
    #expect(try drain(whole + [UInt8](repeating: 0, count: 32_768)) == .limitExceeded)
  }

  @Test("a closed descriptor isn't a handoff")
  func noPipe() {
    #expect(
      outcome { () throws(ErrorClass) in
        let handoff = try Handoff(draining: -1)
        _ = handoff.notes.firmwareUser
      } == .malformed)
  }
}
