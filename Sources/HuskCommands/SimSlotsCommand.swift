import ArgumentParser
import BootChain
import DeviceStore
import ErrorClass
import HostSupport
import HuskFormat
import Simulator

struct SimSlotsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slots",
    abstract: "Tell what is in a device's slots, and which one starts.",
    discussion: """
      Boot slots are verified as the boot ROM does it. Modules aren't: that takes the decryptor.

      Example: husk sim slots dev
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let device = try DeviceDirectory(directory)
    let state = try device.updateState()
    let installed = try device.installed().packages
    let slots = try Slot.allCases.map { slot in
      Report.Value.group(
        [
          Report.Field("name", .text("\(slot.name)")), Report.Field("state", .text(state.words(for: slot))),
          Report.Field("triesLeft", number: state.trial(in: slot).map { UInt64($0.triesLeft) }),
          Report.Field("starts", Self.verdict(try device.problem(with: slot))),
          Self.packages(installed.filter { $0.file.hasPrefix("boot/\(slot.name)/") }),
        ].compactMap(\.self))
    }
    let modules = try device.modules().map { module in
      Report.Value.group([
        Report.Field("name", .text(module.name)),
        Report.Field("slot", .list(Slot.allCases.map { Self.value($0, of: module, among: installed) })),
        Report.Field("received", .number(module.received)),
      ])
    }
    try Report([
      Report.Field("slot", .list(slots)), Report.floors(device.bootState().floors),
      Report.Field("module", .list(modules)),
    ]).print(asJSON: json)
  }

  private static func value(
    _ slot: Slot, of module: DeviceDirectory.StoredModule, among installed: [DeviceDirectory.Installed<Manifest>]
  ) -> Report.Value {
    let file = module.file(in: slot)
    let package = installed.filter { $0.file == file }
    return .group(
      [
        Report.Field("name", .text("\(slot.name)")),
        Report.Field("state", .text(package.isEmpty ? "empty" : module.state.words(for: slot))),
        Report.Field("triesLeft", number: module.state.trial(in: slot).map { UInt64($0.triesLeft) }),
        Report.Field("package", .list(package.map(Self.value))),
      ].compactMap(\.self))
  }

  private static func verdict(_ problem: StageRefusal?) -> Report.Value {
    .flag(problem == nil, words: problem.map { "no: \($0.stage.name): \($0.errorClass.name)" })
  }

  /// For people a line each.
  private static func packages(_ installed: [DeviceDirectory.Installed<Manifest>]) -> Report.Field {
    Report.Field("package", .told(.list(installed.map(value)), lines: installed.map(line)))
  }

  private static func value(_ package: DeviceDirectory.Installed<Manifest>) -> Report.Value {
    .group(
      [Report.Field("file", .text(package.file))]
        + (package.content.map { manifest in
          [
            Report.Field("name", .text(manifest.name.text)), Report.Field("version", .text(manifest.version.text)),
            Report.Field("securityVersion", .number(manifest.securityVersion)),
          ]
        } ?? [Report.Field("malformed", .flag(true))]))
  }

  private static func line(_ package: DeviceDirectory.Installed<Manifest>) -> String {
    guard let manifest = package.content else { return "\(package.file)  malformed" }
    return
      "\(package.file)  \(manifest.name.text) \(manifest.version.text)  security version \(manifest.securityVersion)"
  }
}

extension UpdateState {
  fileprivate func trial(in slot: Slot) -> Trial? {
    trial.flatMap { $0.slot == slot ? $0 : nil }
  }

  fileprivate func words(for slot: Slot) -> String {
    if let trial = trial(in: slot) { return trial.isConfirmed ? "confirmed" : "trial" }
    guard let good else { return "factory" }
    return slot == good ? "good" : "idle"
  }
}
