import ArgumentParser
import HostSupport
import HuskFormat
import Packager
import Vault

struct GrantCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant",
    abstract: "Let one device read a module.",
    discussion: """
      Verifies the device's identity under the silicon makers' roots, and that its secure world was started under a \
      boot root that is trusted here; wraps the module's content key to it and signs the terms. The grant holds for \
      all packages of its epoch.

      Example: husk grant --vault acme.vault --vault-key vault.pem --key acme.pem --chain acme.chain \\
                 --module com.acme.codec --identity unit7.identity --device-root silicon.pub \\
                 --boot-root platform.pub --not-after 2028-12-31 -o unit7.grant
      """)

  @Option(help: ArgumentHelp("The vault that has the module's content key.", valueName: "vault"))
  var vault: String

  @Option(help: ArgumentHelp("The vault key's private half.", valueName: "vault.pem"))
  var vaultKey: String

  @Option(help: ArgumentHelp("The private key to sign with.", valueName: "grant.pem"))
  var key: String

  @Option(help: ArgumentHelp("The chain that ends in this key.", valueName: "grant.chain"))
  var chain: String

  @Option(help: "The module's name.", transform: parseName)
  var module: Name

  @Option(help: "The key epoch; without it the latest.", transform: parseCount)
  var epoch: UInt64?

  @Option(help: ArgumentHelp("The device's identity.", valueName: "dev.identity"))
  var identity: String

  @Option(help: ArgumentHelp("A silicon maker's root that is trusted; repeat for more.", valueName: "root.pub"))
  var deviceRoot: [String] = []

  @Option(
    help: ArgumentHelp(
      "A platform owner's root that is trusted to start secure worlds; repeat for more.", valueName: "root.pub"))
  var bootRoot: [String] = []

  @Option(help: "The life-cycle state that the device must be in.", transform: parseLifecycle)
  var lifecycle = Lifecycle.secured

  @Option(
    help: ArgumentHelp("The grant isn't valid before (needs a trusted clock).", valueName: "date"),
    transform: parseTime)
  var notBefore: UInt64?

  @Option(
    help: ArgumentHelp("The grant isn't valid after; a date alone includes its day (UTC).", valueName: "date"),
    transform: parseEndTime)
  var notAfter: UInt64?

  @Option(
    help: ArgumentHelp("The versions covered, both ends included.", valueName: "1.0.0..1.9.9"),
    transform: parseVersionRange)
  var versions: VersionRange?

  @Option(help: ArgumentHelp("A file of 1 to 1024 bytes for the module to read.", valueName: "file"))
  var features: String?

  @OptionGroup var output: OutputOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if deviceRoot.isEmpty { throw ValidationError("Missing expected argument '--device-root <root.pub>'") }
    if bootRoot.isEmpty { throw ValidationError("Missing expected argument '--boot-root <root.pub>'") }
  }

  func run() throws {
    try output.check(.grant)
    let now = Timestamp.now.seconds
    let features = try features.map { try readFile($0, atMost: Limits.features) }
    // The vendor names the roots that he trusts: a chain file, which came from somebody else, must not (SPEC 6.5).
    let bootRoots = try loadAnchors(bootRoot)
    let signer = try loadSigningIdentity(
      key: key, chain: chain, role: .grant, name: module, anchors: bootRoots, keys: passphrase.keys)
    let device = try loadIdentity(identity, roots: deviceRoot, bootRoots: bootRoots.thumbprints, now: now)
    let store = try about(vault) { try Vault(vault) }
    let storeKey = try passphrase.keys.agreementKey(vaultKey)
    try about(vaultKey) { try store.check(storeKey) }
    let epoch = try self.epoch ?? about(vault) { try store.latestEpoch(of: module) ?? 1 }
    let contentKey = try about(vault) { try store.contentKey(of: module, epoch: epoch, openedWith: storeKey) }

    var prepared: PreparedOutput?
    try about(vault) {
      try store.recordGrant(of: module, epoch: epoch, to: device.value.deviceID, now: now) { sequence in
        var request = GrantRequest(module: module, epoch: epoch, sequence: sequence, lifecycle: lifecycle)
        request.notBefore = notBefore
        request.notAfter = notAfter
        request.versions = versions
        request.features = features
        let grant = try about(identity) {
          try issueGrant(request, to: device, contentKey: contentKey, signer: signer, now: now)
        }
        prepared = try PreparedOutput(output.output, [grant], replaces: output.replaced(by: .grant))
      }
    }
    // Recorded first: a sequence number may be lost, but never be used twice.
    if let grant = prepared.take() { try grant.publish() }
  }
}
