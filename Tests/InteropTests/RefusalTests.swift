import DeviceSupport
import ErrorClass
import Foundation
import Testing

/// Files and loads with one thing wrong: SPEC names a class for each, and both implementations say it.
@Suite(
  "Refusals by both implementations",
  .enabled(if: devicesAvailable && Interop.isAvailable, "takes devices and scripts/interop.sh"))
struct RefusalTests {
  private let office: Office

  init() throws {
    office = try Office.shared()
  }

  @Test("packages, grants and status lists are refused with the class that SPEC names")
  func files() throws {
    let trust = ["--root", "boot-root.pub"]
    let expected = try JSONDecoder().decode(
      [String: String].self,
      from: office.interop(
        [
          "tamper", "codec.husk", "codec.grant", "vendor.status", "--root-key", "boot-root.pem", "--other",
          "other.pem", "-o", "tampered",
        ] + Office.signingArguments))
    #expect(expected.count > 80)
    let names = expected.keys.sorted()
    let found = try JSONDecoder().decode(
      [String: String].self, from: office.interop(["classes"] + names.map { "tampered/\($0)" } + trust))
    for name in names {
      let wanted = try #require(expected[name])
      #expect(found[name] == wanted, "\(name), by the second implementation")
      #expect(try office.verdict("tampered/\(name)") == wanted, "\(name), by husk")
    }
    // What they were made from isn't refused.
    for name in ["codec.husk", "codec.grant", "vendor.status"] { #expect(try office.verdict(name) == "ok") }
  }

  @Test("loads are refused by a device with the class that SPEC names")
  func loads() throws {
    struct Load: Decodable {
      let expected: String
      let found: String
    }
    try Data((0..<32).map { _ in UInt8.random(in: 0...255) })
      .write(to: office.directory.appending(path: "loads.content"))
    let loads = try JSONDecoder().decode(
      [String: Load].self,
      from: office.interop(
        [
          "loads", "codec.so", "--name", "com.example.loads", "--version", "2.3.4", "--epoch", "5", "--content-key",
          "loads.content", "-o", "loads",
        ] + Office.deviceArguments + Office.signingArguments))
    #expect(loads.count > 30)
    let client = try Office.device().startSecureWorld()
    for (name, load) in loads.sorted(by: { $0.key < $1.key }) {
      #expect(load.found == load.expected, "\(name), by the second implementation")
      let refusal = try client.refusal(
        package: office.read("loads/\(name).husk"), grant: office.read("loads/\(name).grant"))
      #expect((refusal.map { "\($0.name)" } ?? "ok") == load.expected, "\(name), by the device")
    }
  }
}
