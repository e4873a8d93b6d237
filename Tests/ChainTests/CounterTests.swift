import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// SPEC 7.1, 7.6: the monotonic counter, from the fuses to the secure world and to nobody else.
@Suite("The monotonic counter of a device", .enabled(if: devicesAvailable, needsDevices))
struct CounterTests {
  /// A device in whose decryptor's place a stage asks the provider.
  private func device() throws -> Device {
    let device = try Device()
    let asks = try Compiler.program("asks_provider", ["-static"])
    try device.install(Stages.package(.decryptor, image: Array(Data(contentsOf: asks))), as: .decryptor)
    return device
  }

  private func size(_ device: Device) throws -> Int { try Data(contentsOf: device.counter).count }

  @Test("goes up for the secure world, one step at a time, and stays up across boots")
  func counts() throws {
    let device = try device()
    for boot in 0..<3 {
      let start = 2 * boot
      #expect(try size(device) == start)
      let answers = try device.startSecureWorld().rom.outcome()
      #expect(
        answers.stderr == """
          secrets
          8401011841f6
          840102000\(start)
          840103000\(start + 1)
          840104000\(start + 2)
          840105000\(start + 2)
          84010600f6
          84010700f6
          8401081841f6

          """, "the secrets only once, then the counter, no clock, no trial to confirm, nothing to try")
      #expect(answers.status == 0)
      #expect(try size(device) == start + 2)
    }
  }

  @Test("at its end stays there")
  func end() throws {
    let device = try device()
    #expect(truncate(device.counter.path, Int(Limits.counter) - 1) == 0)
    let answers = try device.startSecureWorld().rom.outcome().stderr.split(separator: "\n")
    #expect(
      answers.dropFirst(2).map(String.init) == [
        "840102001a000fffff", "840103001a00100000", "84010403f6", "840105001a00100000", "84010600f6",
        "84010700f6", "8401081841f6",
      ])
    #expect(try size(device) == Int(Limits.counter))
  }

  @Test("must be there: the ROM doesn't start without")
  func missing() throws {
    let device = try loadingDevice()
    expectRuns(try device.boot())
    try FileManager.default.removeItem(at: device.counter)
    let outcome = try device.boot()
    #expect(outcome.stderr == "husk: bootrom: refused to start: io\n")
    #expect(outcome.stdout == "")
    #expect(outcome.status == 101)
  }
}
