import ArgumentParser
import Simulator

struct SimInstallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install",
    abstract: "Put packages and grants into a device's flash.",
    discussion: """
      Each file goes to the place that its content calls for and replaces what is there. It isn't verified: that is \
      the device's business. Boot stages are installed before a device's first start; then husk sim update updates them.

      Example: husk sim install dev bootloader.husk decryptor.husk firmware.husk codec.husk dev.grant
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Argument(help: ArgumentHelp("Packages and grants.", valueName: "file"))
  var files: [String]

  func run() throws {
    let device = try DeviceDirectory(directory)
    for file in files { try device.install(file) }
  }
}
