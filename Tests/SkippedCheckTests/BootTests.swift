import BootChain
import DICE
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import TestSupport
import Testing

let needsDevices: Comment = "booting a device takes root and scripts/build-device.sh"
#if arch(x86_64)
  /// Instructions are skipped in programs for x86-64: what decides is the same in those for other processors.
  let skipsAvailable = devicesAvailable
#else
  let skipsAvailable = false
#endif

@Suite("A stage that skips one instruction", .enabled(if: skipsAvailable, needsDevices))
struct BootTests {
  private static let forbidden = Array("must not run".utf8)

  /// A program of which something is left when the last byte is changed.
  private func program(saying text: String) throws -> [UInt8] {
    let flags = ["-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-DTEXT=\"\(text)\""]
    return try Array(Data(contentsOf: Compiler.program("says", flags))) + [0]
  }

  /// A device with small stages, one of which is bad; nil for none.
  ///
  /// - Parameter forbidden: the stage that must not run; nil for the bad one.
  private func device(_ bad: BadStage?, _ place: Stage, forbidden: Stage? = nil) throws -> Device {
    let device = try Device(state: .ofSkips)
    for stage in Stage.allCases {
      let isForbidden = stage == forbidden ?? place && (bad != nil || place == .bootloader)
      let program = try program(saying: isForbidden ? "\(stage.name): must not run" : "\(stage.name) runs")
      let good = PackageFixture.stage(stage.role, machine: linuxMachine, payload: program)
      let package = try stage == place ? bad?.package(stage, program) ?? good : good
      // Each slot a file of its own: what a boot changes is undone.
      for slot in Slot.allCases { try device.install(package.file(), stage.file(in: slot)) }
    }
    return device
  }

  private func boot(
    _ kind: String, _ skips: Skips, of stage: String, _ devices: [(name: String, device: Device)]
  ) throws -> SkipResult {
    let scratch = try Scratch()
    let program = scratch.directory.appending(path: stage)
    try FileManager.default.copyItem(at: Release.host.stage(stage), to: program)
    let list = scratch.directory.appending(path: "skips")
    try Data((skips.lines.joined(separator: "\n") + "\n").utf8).write(to: list)
    let outcome = try runWithSkips(
      "skip_boots", [kind, program.path, list.path] + devices.map(\.device.directory.path))
    #expect(outcome.status == 0, "\(outcome.stderr)")
    var result = SkipResult()
    for line in outcome.stdout.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2).map(String.init)
      let name = devices.first { words.count > 1 && $0.device.directory.path == words[1] }?.name ?? ""
      switch words[0] {
      case "as-it-is": result.refusals[name] = words.count > 2 ? words[2] : ""
      case "ran": result.released.append("\(name) \(words[2])")
      case "skips": result.counts = line.split(separator: " ").compactMap { Int($0) }
      default: Issue.record("\(line)")
      }
    }
    return result
  }

  @Test("ROM: starts no bootloader that must be refused")
  func rom() throws {
    let control = try boot("rom", Skips.none, of: "bootrom", [("good", device(nil, .bootloader))])
    #expect(control.refusals["good"] == "bootloader: must not run", "what runs is noticed")

    let bad = try BadStage.all.map { (name: $0.name, device: try device($0, .bootloader)) }
    let skips = try Skips(of: "bootrom", oneOf: 120)
    let result = try boot("rom", skips, of: "bootrom", bad)
    for stage in BadStage.all {
      #expect(result.refusals[stage.name] == "husk: bootrom: refused bootloader: \(stage.expected.name)")
    }
    result.report("bootrom", skips, inputs: bad.count)
  }

  @Test(
    "bootloader: starts neither a decryptor nor a firmware that must be refused",
    arguments: [Stage.decryptor, .firmware])
  func bootloader(place: Stage) throws {
    let bad = try BadStage.all.map { (name: $0.name, device: try device($0, place)) }
    for (_, device) in bad { try hand(off: device) }
    let skips = try Skips(of: "bootloader", oneOf: 120)
    let result = try boot("bootloader", skips, of: "bootloader", bad)
    for stage in BadStage.all {
      #expect(result.refusals[stage.name] == "husk: bootloader: refused \(place.name): \(stage.expected.name)")
    }
    result.report("bootloader, \(place.name)", skips, inputs: bad.count)
  }

  @Test(
    "fuse provider: starts no decryptor that must be refused, nor one behind such a bootloader",
    arguments: [Stage.bootloader, .decryptor])
  func fuseProvider(place: Stage) throws {
    let control = try boot("provider", Skips.none, of: "fuseprovider", [("good", device(nil, place))])
    #expect(control.refusals["good"] == "decryptor runs")

    let bad = try BadStage.all.map { (name: $0.name, device: try device($0, place, forbidden: .decryptor)) }
    let skips = try Skips(of: "fuseprovider", oneOf: 240)
    let result = try boot("provider", skips, of: "fuseprovider", bad)
    for stage in BadStage.all {
      #expect(result.refusals[stage.name] == "husk: fuseprovider: refused \(place.name): \(stage.expected.name)")
    }
    result.report("fuseprovider, \(place.name)", skips, inputs: bad.count)
  }

  /// Writes what the ROM would hand to the bootloader.
  private func hand(off device: Device) throws {
    let notes = try HandoffNotes.ofSkips(device.state, HandoffNotes.certificates())
    try Data(bytes(named: "attest") + bytes(named: "seal") + notes.encoded())
      .write(to: device.directory.appending(path: "handoff"))
  }
}

extension HandoffNotes {
  static func ofSkips(_ state: BootState, _ certificates: [[UInt8]]) -> HandoffNotes {
    HandoffNotes(
      state: state, certificates: certificates, firmwareUser: Platform.firmwareUser,
      firmwareGroup: Platform.firmwareUser, boot: BootNotes(slot: .a))
  }

  /// Of one layer.
  static func certificates() throws -> [[UInt8]] {
    let subject = try DICE.signingKey(from: secret(bytes(named: "attest")))
    let issuer = try DICE.signingKey(from: secret(bytes(named: "UDS")))
    let inputs = LayerFixture("bootloader", .bootLoader).inputs
    return [try DICECertificate.issue(inputs: inputs, subject: subject, issuer: issuer)]
  }
}
