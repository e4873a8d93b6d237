import ArgumentParser
import HostSupport
import HuskFormat
import Simulator

struct SimFuseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuse",
    abstract: "Change a device's fuses.",
    discussion: """
      As with real fuses, floors, key epoch and build time only go up and a revoked root stays revoked. The life cycle \
      may change to any state: this is a simulator.

      Raising the key epoch gives the device new keys: former grants don't open any more.

      Example: husk sim fuse dev --floor decryptor=3 --lifecycle debug
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Option(help: "The life-cycle state.", transform: parseLifecycle)
  var lifecycle: Lifecycle?

  @Option(help: "The device's key epoch.", transform: parseCount)
  var keyEpoch: UInt64?

  @OptionGroup var fuses: FuseOptions

  func run() throws {
    var change = fuses.change
    change.lifecycle = lifecycle
    change.keyEpoch = keyEpoch
    change.buildTime = fuses.buildTime
    if change.isEmpty { throw ValidationError("nothing to change: give at least one fuse") }
    try DeviceDirectory(directory).blow(change)
  }
}
