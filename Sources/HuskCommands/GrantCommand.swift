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
      Wraps the module's content key to a device that the vault knows (husk device add) and signs the terms. The \
      device's status must allow it, and what it was trusted for must still be trusted. The grant holds for all \
      packages of its epoch.

      Example: husk grant --vault acme.vault --vault-key acme.key --key acme.pem --chain acme.chain \\
                 --module com.acme.codec --device 3f08a1 --not-after 2028-12-31 -o unit7.grant
      """)

  @Option(help: ArgumentHelp("The vault that has the module's content key.", valueName: "vault"))
  var vault: String

  @OptionGroup var vaultKey: VaultKeyOptions

  @Option(help: ArgumentHelp("The private key to sign with.", valueName: "grant.pem"))
  var key: String

  @Option(help: ArgumentHelp("The chain that ends in this key.", valueName: "grant.chain"))
  var chain: String

  @Option(help: "The module's name.", transform: parseName)
  var module: Name

  @Option(help: "The key epoch; without it the latest.", transform: parseCount)
  var epoch: UInt64?

  @Option(help: ArgumentHelp("The device's id, or how it begins.", valueName: "digits"))
  var device: String

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

  func run() throws {
    try output.check(.grant)
    let occasion = Occasion.present
    let features = try features.map { try readFile($0, atMost: Limits.features) }
    let store = try about(vault) { try Vault(vault) }
    let signingKey = try passphrase.keys.signingKey(key)
    let storeKey = try vaultKey.unlock(store, at: vault, passphrase: passphrase)
    let trust = try about(vault) { try store.trust(with: storeKey) }
    // The vendor names the roots that he trusts: a chain file, which came from somebody else, must not (SPEC 6.5).
    let signer = try loadSigningIdentity(
      key: signingKey, chain: chain, role: .grant, name: module,
      anchors: TrustAnchors(thumbprints: trust.values(of: .bootRoot)))
    let grantee = try about(vault) { try store.device(device).grantee(with: storeKey, trust: trust) }
    let epoch = try self.epoch ?? about(vault) { try store.latestEpoch(of: module) ?? 1 }
    let contentKey = try about(vault) { try store.contentKey(of: module, epoch: epoch, with: storeKey) }
    let recipient = GrantRecipient(
      deviceID: grantee.deviceID, grantKey: grantee.grantKey, lifecycle: grantee.lifecycle)

    var prepared: PreparedOutput?
    try about(vault) {
      try store.recordGrant(of: module, epoch: epoch, to: grantee, on: occasion) { sequence in
        var request = GrantRequest(module: module, epoch: epoch, sequence: sequence, lifecycle: lifecycle)
        request.notBefore = notBefore
        request.notAfter = notAfter
        request.versions = versions
        request.features = features
        let grant = try about(hex(grantee.deviceID)) {
          try issueGrant(request, to: recipient, contentKey: contentKey, signer: signer, now: occasion.now)
        }
        prepared = try PreparedOutput(output.output, [grant], replaces: output.replaced(by: .grant))
      }
    }
    // Recorded first: a sequence number may be lost, but never be used twice.
    if let grant = prepared.take() { try grant.publish() }
  }
}
