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
  private func run(handoff: [UInt8]) throws -> Outcome {
    var output: Int32 = -1
    var input: Int32 = -1
    try #require(linux_pipe(&output, &input) == 0)
    defer { close(output) }
    #expect(linux_write_all(input, handoff, handoff.count) == 0)
    close(input)
    return try DeviceSupport.run(
      Release.host.stage("bootloader").path, descriptors: [(number: 3, descriptor: output)])
  }

  private func expectNoStart(_ handoff: [UInt8], _ name: String) throws {
    let outcome = try run(handoff: handoff)
    #expect(outcome.status == 101)
    #expect(outcome.stdout == "")
    #expect(outcome.stderr == "husk: bootloader: refused to start: \(name)\n")
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
