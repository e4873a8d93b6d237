import ArgumentParser
import Simulator

struct SimBootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot",
    abstract: "Switch a device on.",
    discussion: """
      Needs root. This process becomes the boot ROM, and its exit status is the firmware's; 101 if a stage was \
      refused, 102 if an update on trial wasn't confirmed in time. The firmware runs as the user who called sudo, else as user 64902.

      Example: sudo husk sim boot dev -- --say hello
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Argument(parsing: .postTerminator, help: ArgumentHelp("Arguments of the firmware.", valueName: "args"))
  var arguments: [String] = []

  @Option(
    help: ArgumentHelp("How long a boot on trial has to be confirmed by its firmware.", valueName: "seconds"))
  var watchdog = DeviceDirectory.watchdog

  func validate() throws {
    guard watchdog > 0 else { throw ValidationError("a watchdog takes a second or more") }
  }

  func run() throws {
    try DeviceDirectory.requireRoot()
    try DeviceDirectory(directory).boot(.ofCaller, watchdog: watchdog, arguments: arguments)
  }
}
