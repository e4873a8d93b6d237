import ArgumentParser
import Simulator

struct SimUpdateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update",
    abstract: "Put new boot stages on trial.",
    discussion: """
      Needs root. Does what a device does whose firmware has received an update: verifies the set of these stages and, \
      for those not given, the ones in use, copies it into the slot that isn't in use, and puts it on trial. The device \
      starts it up to three times; when the firmware says that it is healthy it is kept, else the device returns to \
      what it had. husk sim history tells why. The device must be off.

      Example: sudo husk sim update dev firmware-2.husk
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Argument(help: ArgumentHelp("Packages of boot stages.", valueName: "file"))
  var files: [String]

  func run() throws {
    try DeviceDirectory.requireRoot()
    try DeviceDirectory(directory).update(files)
  }
}
