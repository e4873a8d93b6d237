import ArgumentParser
import BootChain
import HostSupport
import HuskFormat
import Simulator

struct SimCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Manufacture a device.",
    discussion: """
      Makes a directory with the boot ROM, fuses with a unique device secret of its own, and empty flash. The device \
      root key certifies the device as silicon maker.

      Example: husk sim create dev --rom bootrom --boot-root root.pub --device-root-key silicon.pem
      """)

  @Argument(help: ArgumentHelp("The device's directory; must not exist.", valueName: "dir"))
  var directory: String

  @Option(help: ArgumentHelp("The boot ROM's executable.", valueName: "bootrom"))
  var rom: String

  @Option(
    help: ArgumentHelp(
      "A root that boot stages may be signed under; up to four, the first is slot 0.", valueName: "root.pub"))
  var bootRoot: [String] = []

  @Option(help: ArgumentHelp("The silicon maker's private root key.", valueName: "silicon.pem"))
  var deviceRootKey: String

  @Option(help: "The life-cycle state.", transform: parseLifecycle)
  var lifecycle = Lifecycle.secured

  @Option(help: "The device's key epoch.", transform: parseCount)
  var keyEpoch: UInt64 = 1

  @Flag(help: "The platform's clock can't be trusted.")
  var noTrustedClock = false

  @OptionGroup var fuses: FuseOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    guard (1...4).contains(bootRoot.count) else {
      throw ValidationError("one to four boot roots are needed: --boot-root <root.pub>")
    }
  }

  func run() throws {
    let now = Timestamp.now.seconds
    let anchors = try loadAnchors(bootRoot)
    let deviceRoot = try passphrase.keys.signingKey(deviceRootKey)
    var design = DeviceDesign(rom: rom, bootRoots: anchors.thumbprints, buildTime: fuses.buildTime ?? now)
    design.lifecycle = lifecycle
    design.keyEpoch = keyEpoch
    design.hasTrustedClock = !noTrustedClock
    design.change = fuses.change
    try DeviceDirectory.manufacture(design, at: directory, deviceRoot: deviceRoot, now: now)
  }
}

/// The fuses that may be blown at the factory and later.
struct FuseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The lowest security version of a stage that boots; repeat for more.", valueName: "loader|decryptor|firmware=n"),
    transform: parseFloor)
  var floor: [Floor] = []

  @Option(help: ArgumentHelp("Revoke the boot root in this slot; repeat for more.", valueName: "slot"))
  var revoke: [Int] = []

  @Option(help: ArgumentHelp("The first lower bound of time.", valueName: "date"), transform: parseTime)
  var buildTime: UInt64?

  struct Floor {
    let stage: Stage
    let value: UInt64
  }

  /// Without the build time, which a new device needs apart.
  var change: FuseChange {
    var change = FuseChange()
    change.floors = floor.map { ($0.stage, $0.value) }
    change.revoked = revoke
    return change
  }
}

private func parseFloor(_ text: String) throws -> FuseOptions.Floor {
  let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
  let stages: [Substring: Stage] = ["loader": .bootloader, "decryptor": .decryptor, "firmware": .firmware]
  guard parts.count == 2, let stage = stages[parts[0]] else {
    throw ValidationError("a floor is loader, decryptor or firmware and a number, such as loader=3")
  }
  return FuseOptions.Floor(stage: stage, value: try parseCount(String(parts[1])))
}
