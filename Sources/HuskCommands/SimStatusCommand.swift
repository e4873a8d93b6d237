import ArgumentParser
import BootChain
import HostSupport
import HuskFormat
import Simulator

struct SimStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Tell a device's fuses and what is installed.",
    discussion: """
      Nothing is verified, and the device secret is never read.

      Example: husk sim status dev
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let device = try DeviceDirectory(directory)
    let installed = try device.installed()
    try Report(
      Report.fuseFields(device.bootState()) + [
        Report.Field("package", .list(installed.packages.map(Self.value))),
        Report.Field("grant", .list(installed.grants.map(Self.value))),
      ]
    ).print(asJSON: json)
  }

  private static func value(_ package: DeviceDirectory.Installed<Manifest>) -> Report.Value {
    guard let manifest = package.content else { return unreadable(package.file) }
    let fields: [Report.Field?] = [
      Report.Field("file", .text(package.file)),
      Report.Field("role", .text(manifest.role.text)),
      Report.Field("name", .text(manifest.name.text)),
      Report.Field("version", .text(manifest.version.text)),
      Report.Field("securityVersion", .number(manifest.securityVersion)),
      Report.Field("keyEpoch", number: manifest.epoch),
    ]
    return .group(fields.compactMap(\.self))
  }

  private static func value(_ grant: DeviceDirectory.Installed<GrantTerms>) -> Report.Value {
    guard let terms = grant.content else { return unreadable(grant.file) }
    return .group([
      Report.Field("file", .text(grant.file)),
      Report.Field("module", .text(terms.module.text)),
      Report.Field("keyEpoch", .number(terms.epoch)),
      Report.Field("sequence", .number(terms.sequence)),
      Report.Field("device", .hexadecimal(terms.deviceID)),
    ])
  }

  private static func unreadable(_ file: String) -> Report.Value {
    .group([Report.Field("file", .text(file)), Report.Field("malformed", .flag(true))])
  }
}
