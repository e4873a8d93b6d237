import CLinux
import DeviceSupport
import Protections
import SecureWorld
import Testing

@Suite(
  "A decryptor tells what protects it", .enabled(if: devicesAvailable, "booting a device takes root and build-device.sh"))
struct DecryptorTests {
  @Test("by all the numbers that are its own, in order")
  func facts() throws {
    let facts = try Device().startSecureWorld().protections()
    #expect(facts.map(\.number) == Protection.allCases.filter { $0.reporter == .decryptor }.map(\.number))
    print(facts.map { "\($0.number) \($0.state.name) \($0.detail)" })
  }
}
