import DeviceSupport
import Foundation
import Testing

@Suite("The module's memory file", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct SealTests {
  @Test("can't be changed by the firmware that gets it, in any way")
  func sealed() throws {
    let device = try Device(firmware: Compiler.firmware("sealed_module"))
    try device.install(modules: ["com.acme.counter": Device.counter()])
    let outcome = try device.boot("com.acme.counter")
    #expect(outcome.stdout == "sealed \(try Data(contentsOf: Device.counter()).count)\n")
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
  }
}
