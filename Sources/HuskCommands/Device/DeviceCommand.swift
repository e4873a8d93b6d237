import ArgumentParser

struct DeviceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "device",
    abstract: "Look after the devices that a vault knows.",
    discussion: """
      A device gets into the vault by its identity, which is verified before anything is stored. What is trusted for \
      that is said with husk vault trust. Devices are named by their id, or by how it begins.
      """,
    subcommands: [
      DeviceAddCommand.self, DeviceImportCommand.self, DeviceListCommand.self, DeviceShowCommand.self,
      DeviceFindCommand.self, DeviceTagCommand.self, DeviceUntagCommand.self, DeviceStatusCommand.self,
    ])
}
