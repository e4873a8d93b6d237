import ArgumentParser
import HostSupport
import HuskFormat
import Simulator

struct SimIdentityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identity",
    abstract: "Boot a device without its firmware and read its identity.",
    discussion: """
      Needs root. The identity is what a vendor needs to grant modules to the device; it holds no secret.

      Example: sudo husk sim identity dev -o dev.identity
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to write; - is standard output.", valueName: "file"))
  var output = "-"

  @Flag(help: "Replace an existing identity.")
  var force = false

  func run() throws {
    let replaced = force ? Replacement.file(.identity) : .nothing
    try checkOutput(output, replaces: replaced)
    try DeviceDirectory.requireRoot()
    let identity = try DeviceDirectory(directory).readIdentity()
    try writeFile(output, [identity], replaces: replaced)
  }
}
