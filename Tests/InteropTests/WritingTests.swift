import DeviceSupport
import ErrorClass
import Foundation
import TestSupport
import Testing

/// What code that was written from SPEC.md alone writes, taken by husk and by a device.
@Suite(
  "Writing by the second implementation",
  .enabled(if: devicesAvailable && Interop.isAvailable, "takes devices and scripts/interop.sh"))
struct WritingTests {
  private let office: Office

  init() throws {
    office = try Office.shared()
  }

  @Test("husk verifies and shows its chains, packages, grants, status lists and bundles, and a device loads from them")
  func write() throws {
    try makeFiles("py", of: "library.so")
    for file in ["py.chain", "py.husk", "py.grant", "py.status"] {
      #expect(try office.verdict(file) == "ok", "\(file)")
    }
    let shown = try office.husk(["inspect", "py.husk"])
    #expect(shown.contains("com.example.py"))
    #expect(shown.contains("4.5.6"))
    let id = try #require(
      office.husk(["inspect", "unit.identity"]).split(separator: "\n").first { $0.hasPrefix("device ") }?
        .split(separator: " ").last)
    try office.husk(["grant", "extract", "py.grants", "--device", String(id), "-o", "py.extracted"])
    #expect(try office.read("py.extracted") == office.read("py.grant"))

    let device = try Office.device()
    let client = try device.startSecureWorld()
    let package = try office.read("py.husk")
    let grant = try office.read("py.grant")
    #expect(try client.refusal(package: package, grant: grant) == nil)
    // The list that it wrote refuses just this version.
    #expect(try client.refusal(statusList: office.read("py.status")) == nil)
    #expect(try client.refusal(package: package, grant: grant) == .revoked)
    // And by itself it says the same.
    let outcome = try Interop.run(
      ["open", "py.husk", "py.grant", "--status", "py.status", "-o", "py.opened"] + Office.deviceArguments,
      in: office.directory)
    #expect(outcome.status == 1)
    #expect(outcome.stderr.hasPrefix("revoked\n"))
  }

  @Test("a module that it packed runs on a device")
  func runs() throws {
    try makeFiles("adpcm", of: "codec.so")
    let firmware = Release.host.samples.appending(path: "firmware")
    let device = try Device("interop", firmware: firmware)
    try device.giveStoreToFirmware()
    for name in ["adpcm.husk", "adpcm.grant"] {
      let outcome = try device.boot("install", device.offer(office.read(name), as: name))
      #expect(outcome.status == 0, "\(outcome.stderr)")
    }
    let melody = office.directory.appending(path: "melody.wav")
    try FileManager.default.copyItem(at: packageRoot.appending(path: "Samples/data/melody.wav"), to: melody)
    let outcome = try device.boot("roundtrip", melody.path)
    #expect(outcome.status == 0, "\(outcome.stderr)")
    #expect(outcome.stdout.contains("snr:"))
  }

  /// NAME.chain, NAME.husk, NAME.grant, NAME.grants and NAME.status, which refuses the version of the package.
  private func makeFiles(_ name: String, of file: String) throws {
    let module = ["--name", "com.example.\(name)", "--epoch", "3", "--content-key", "\(name).content"]
    let signing = ["--key", "vendor.pem", "--chain", "\(name).chain"]
    try Data((0..<32).map { _ in UInt8.random(in: 0...255) })
      .write(to: office.directory.appending(path: "\(name).content"))
    try office.interop(
      [
        "certify", "--key", "boot-root.pem", "--subject-key", "vendor.pub", "--role", "module", "--role", "grant",
        "--role", "status", "--scope", "com.example.", "-o", "\(name).chain",
      ])
    try office.interop(["pack", file, "--version", "4.5.6", "-o", "\(name).husk"] + module + signing)
    try office.interop(
      ["grant", "--sequence", "7", "-o", "\(name).grant"] + module + signing + Office.vendorArguments)
    try office.interop(["bundle", "\(name).grant", "-o", "\(name).grants"])
    try office.interop(
      [
        "status", "--scope", "com.example.", "--number", "2", "--refuse-version", "com.example.\(name)", "4.5.6", "-o",
        "\(name).status",
      ] + signing)
  }
}
