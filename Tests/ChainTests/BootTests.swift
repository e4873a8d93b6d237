import DeviceSupport
import FormatFixtures
import Testing

@Suite("A device as it should be", .enabled(if: devicesAvailable, "takes root and scripts/build-device.sh"))
struct BootTests {
  @Test("boots, loads a module and ends with its firmware's status")
  func boots() throws {
    let device = try Device(firmware: Compiler.firmware("loads"))
    try device.install(ModuleFixture(Compiler.sharedObject("answer", ["-DANSWER=42"])).file(), "modules/a.husk")
    try device.install(GrantFixture(for: device.identity()).file(), "grants/a.grant")
    let outcome = try device.boot("modules/a.husk", "grants/a.grant")
    #expect(outcome.stdout == "firmware runs\nanswer 42\n")
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
  }
}
