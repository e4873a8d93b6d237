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
    try DeviceDirectory(directory).boot(firmwareUser, arguments: arguments)
  }

  private var firmwareUser: FirmwareUser {
    guard let user = environmentNumber("SUDO_UID"), let group = environmentNumber("SUDO_GID"), user != 0 else {
      return .usual
    }
    return FirmwareUser(user: user, group: group)
  }

  private func environmentNumber(_ name: String) -> UInt32? {
    getenv(name).flatMap { UInt32(String(cString: $0)) }
  }
}
