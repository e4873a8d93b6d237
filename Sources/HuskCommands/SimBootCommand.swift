import ArgumentParser
import CLinux
import Simulator

struct SimBootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot",
    abstract: "Switch a device on.",
    discussion: """
      Needs root. This process becomes the boot ROM, and its exit status is the firmware's; 101 if a stage was \
      refused. The firmware runs as the user who called sudo, else as user 64902.

      Example: sudo husk sim boot dev -- --say hello
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Argument(parsing: .postTerminator, help: ArgumentHelp("Arguments of the firmware.", valueName: "args"))
  var arguments: [String] = []

  func run() throws {
    try DeviceDirectory.requireRoot()
    try DeviceDirectory(directory).boot(firmwareUser, arguments: arguments)
  }

  private var firmwareUser: FirmwareUser {
    guard let user = ordinaryID("SUDO_UID"), let group = ordinaryID("SUDO_GID") else { return .usual }
    return FirmwareUser(user: user, group: group)
  }

  /// A user or group that isn't root's, nor the number that means none.
  private func ordinaryID(_ name: String) -> UInt32? {
    getenv(name).flatMap { UInt32(String(cString: $0)) }.flatMap { $0 == 0 || $0 == .max ? nil : $0 }
  }
}
