import BootChain
import CLinux
import DeviceStore
import DeviceSupport
import FormatFixtures
import Foundation
import Testing

@Suite("A bootloader that is started by somebody else", .enabled(if: devicesAvailable, needsDevices))
struct HandoffTests {
  /// Runs the bootloader by hand, with a pipe in the handoff's place that holds these bytes.
  ///
  /// - Parameter flash: its descriptor of the flash directory; nil for none.
  private func run(handoff: [UInt8], flash: Int32? = nil) throws -> Outcome {
    var output: Int32 = -1
    var input: Int32 = -1
    try #require(linux_pipe(&output, &input) == 0)
    defer { close(output) }
    #expect(linux_write_all(input, handoff, handoff.count) == 0)
    close(input)
    var descriptors = [(number: Int32(3), descriptor: output)]
    if let flash { descriptors.append((4, flash)) }
    return try DeviceSupport.run(Release.host.stage("bootloader").path, descriptors: descriptors)
  }

  private func expectNoStart(_ handoff: [UInt8], _ name: String) throws {
    let outcome = try run(handoff: handoff)
    #expect(outcome.status == 101)
    #expect(outcome.stdout == "")
    #expect(outcome.stderr == "husk: bootloader: refused to start: \(name)\n")
  }

  /// The ROM has looked at all stages of the slot (SPEC 7.11); that isn't the last word on them.
  @Test("takes the slot that it is told, and verifies for itself what it starts")
  func verifies() throws {
    let device = try loadingDevice()
    var notes = try Provided.handoff(hasTrustedClock: false).notes
    notes.boot = BootNotes(slot: .b)
    let handoff = [UInt8](repeating: 7, count: 64) + notes.encoded()
    func expectRefused(_ stage: Stage, _ errorName: String) throws {
      let outcome = try device.withSlots { try run(handoff: handoff, flash: $0.root) }
      #expect(outcome.stderr == "husk: bootloader: refused \(stage.name): \(errorName)\n")
      #expect(outcome.stdout == "")
      #expect(outcome.status == bootRefusedStatus)
    }
    let good = try device.contents(Stage.decryptor.file(in: .b))
    try device.rot(Stage.decryptor.file(in: .b))
    try expectRefused(.decryptor, "digest-mismatch")
    try device.install(good, Stage.decryptor.file(in: .b))
    try device.install(good, Stage.firmware.file(in: .b))
    try expectRefused(.firmware, "role-mismatch")
    try device.remove(Stage.firmware.file(in: .b))
    try expectRefused(.firmware, "not-found")
    notes.state.floors.decryptor = 4
    let outcome = try device.withSlots {
      try run(handoff: [UInt8](repeating: 7, count: 64) + notes.encoded(), flash: $0.root)
    }
    #expect(outcome.stderr == "husk: bootloader: refused decryptor: rollback\n")
  }

  @Test("ends at a handoff that isn't one")
  func malformed() throws {
    let secrets = [UInt8](repeating: 7, count: 64)
    let notes = HandoffNotes(
      state: .fixture, certificates: [[0x80]], firmwareUser: 64902, firmwareGroup: 64902, boot: BootNotes(slot: .a)
    ).encoded()
    let handoffs: [[UInt8]] = [
      [], Array(secrets.dropLast()), secrets, secrets + notes.dropLast(), secrets + notes + [0],
      secrets + [0xff],
    ]
    for handoff in handoffs { try expectNoStart(handoff, "malformed") }
    try expectNoStart(secrets + testBytes(40_000), "limit-exceeded")
  }
}
