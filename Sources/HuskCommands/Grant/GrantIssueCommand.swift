import ArgumentParser
import COSE
import Cryptography
import HostSupport
import HuskFormat
import Packager
import Vault

struct GrantIssueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "issue",
    abstract: "Issue grants (the default).",
    discussion: """
      Wraps the module's content key to devices that the vault knows (husk device add) and signs the terms. A device's \
      status must allow it, and what it was trusted for must still be trusted: others are left out, and told. A grant \
      holds for all packages of its epoch.

      Grants go to one file (-o), to a file each (--out-dir), to one bundle for any number of devices (--bundle), or \
      stay in the vault (--store); husk grant extract takes single ones from a bundle or the vault. What is recorded \
      is done: a command that was stopped, by whatever, goes on where it was when it is given again.

      For more than one device the key certifies one that is made for this command and kept in memory, if its own \
      certificate lets it (--depth 1 or more): then an HSM need not sign every grant.

      Example: husk grant --vault acme.vault --vault-key acme.key --key acme.pem --chain acme.chain \\
                 --module com.acme.codec --device 3f08a1 --not-after 2028-12-31 -o unit7.grant
               husk grant --vault acme.vault --vault-key acme.key --key acme.pem --chain acme.chain \\
                 --module com.acme.codec --batch 2026-11 --bundle codec.grants
      """)

  @Option(help: ArgumentHelp("The vault that has the module's content key.", valueName: "vault"))
  var vault: String

  @OptionGroup var vaultKey: VaultKeyOptions

  @Option(help: ArgumentHelp("The private key to sign with.", valueName: "grant.pem"))
  var key: String

  @Option(help: ArgumentHelp("The chain that ends in this key.", valueName: "grant.chain"))
  var chain: String

  @Option(help: "The module's name.", transform: parseName)
  var module: Name?

  @Flag(
    help: """
      Issue anew what the devices have, of all modules or the one that is named: for the latest epoch, on the terms \
      of their latest grants.
      """)
  var reissue = false

  @OptionGroup var terms: GrantTermOptions
  @OptionGroup var devices: GrantDeviceOptions
  @OptionGroup var output: GrantOutputOptions

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if reissue, terms.isGiven {
      throw ValidationError("--reissue takes the terms of the latest grants: none are given")
    }
    if !reissue, module == nil { throw ValidationError("Missing expected option '--module <module>'") }
    if json, output.file == "-" { throw ValidationError("--json and -o - both write to standard output") }
  }

  func run() throws {
    try output.check()
    let occasion = Occasion.present
    let store = try about(vault) { try Vault(vault) }
    let signingKey = try passphrase.keys.signingKey(key)
    let storeKey = try vaultKey.unlock(store, at: vault, passphrase: passphrase)
    let trust = try about(vault) { try store.trust(with: storeKey) }
    // The vendor names the roots that he trusts: a chain file, which came from somebody else, must not (SPEC 6.5).
    let signer = try loadSigningIdentity(
      key: signingKey, chain: chain, role: .grant, name: module,
      anchors: TrustAnchors(thumbprints: trust.values(of: .bootRoot)))
    let scope = try about(vault) { try devices.scope(of: store) }
    let tasks = try reissue ? formerTasks(store, occasion) : [newTask(store, occasion)]
    let run = GrantRun(
      vault: store, path: vault, key: storeKey, trust: trust, signer: signer, scope: scope,
      requiresAll: devices.areNamed, occasion: occasion)
    let summary = try run.perform(tasks, digest: digest(), to: output.make())
    // A single file speaks for itself.
    if json || output.file == nil { try summary.print(asJSON: json) }
  }

  private func newTask(_ store: Vault, _ occasion: Occasion) throws -> GrantTask {
    // Checked when the command line was parsed.
    guard let module else { throw CleanExit.helpRequest(self) }
    let epoch = try terms.epoch ?? about(vault) { try store.latestEpoch(of: module) ?? 1 }
    return GrantTask(terms: try terms.terms(of: module, epoch: epoch, now: occasion.now), former: nil)
  }

  private func formerTasks(_ store: Vault, _ occasion: Occasion) throws -> [GrantTask] {
    try about(vault) {
      try store.grantedTerms(of: module).map { granted in
        var terms = granted.terms
        terms.epoch = try store.latestEpoch(of: terms.module) ?? 1
        terms.issuedAt = occasion.now
        return GrantTask(terms: terms, former: granted)
      }
    }
  }

  /// Of what is asked for: the same words again mean the same job (SPEC 14.6).
  private func digest() throws -> [UInt8] {
    var words = ["husk-grant-job", reissue ? "reissue" : "issue", module?.text ?? ""]
    words += terms.words + devices.words + (try output.words())
    let text = words.map { "\($0.utf8.count):\($0)" }.joined()
    return try SHA256.hash(Array(text.utf8).span.bytes)
  }
}

/// What a grant is to allow (SPEC 5).
struct GrantTermOptions: ParsableArguments {
  @Option(help: "The key epoch; without it the latest.", transform: parseCount)
  var epoch: UInt64?

  @Option(help: "The life-cycle state that devices must be in; without it secured.", transform: parseLifecycle)
  var lifecycle: Lifecycle?

  @Option(
    help: ArgumentHelp("The grants aren't valid before (needs a trusted clock).", valueName: "date"),
    transform: parseTime)
  var notBefore: UInt64?

  @Option(
    help: ArgumentHelp("The grants aren't valid after; a date alone includes its day (UTC).", valueName: "date"),
    transform: parseEndTime)
  var notAfter: UInt64?

  @Option(
    help: ArgumentHelp("The versions covered, both ends included.", valueName: "1.0.0..1.9.9"),
    transform: parseVersionRange)
  var versions: VersionRange?

  @Option(help: ArgumentHelp("A file of 1 to 1024 bytes for the module to read.", valueName: "file"))
  var features: String?

  @OptionGroup var status: MinimumStatusOption

  var isGiven: Bool { words != GrantTermOptions.none }

  func terms(of module: Name, epoch: UInt64, now: UInt64) throws -> CommonGrantTerms {
    var terms = CommonGrantTerms(module: module, epoch: epoch, issuedAt: now, lifecycle: lifecycle ?? .secured)
    terms.notBefore = notBefore
    terms.notAfter = notAfter
    terms.versions = versions
    terms.features = try features.map { try readFile($0, atMost: Limits.features) }
    terms.minimumStatus = status.minimumStatus
    return terms
  }

  var words: [String] {
    [
      epoch.map(String.init), lifecycle.map { "\($0.name)" }, notBefore.map(String.init), notAfter.map(String.init),
      versions.map { "\($0.lowest.text)..\($0.highest.text)" }, features, status.minimumStatus.map(String.init),
    ].map { $0 ?? "" }
  }

  private static let none = [String](repeating: "", count: 7)
}

/// Which devices get grants.
struct GrantDeviceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A device's id, or how it begins; repeat for more.", valueName: "digits"))
  var device: [String] = []

  @Option(help: ArgumentHelp("A file of device ids, one in a line.", valueName: "file"))
  var list: String?

  @Option(help: "Devices of this batch.")
  var batch: String?

  @Option(help: "Devices that have this tag.")
  var tag: String?

  @Flag(help: "All devices.")
  var all = false

  func validate() throws {
    let ways = [!device.isEmpty, list != nil, batch != nil || tag != nil, all].filter(\.self).count
    if ways == 0 { throw ValidationError("which devices? Say --device, --list, --batch, --tag or --all") }
    if ways > 1 { throw ValidationError("devices are named, listed, or selected by --batch and --tag: one of these") }
  }

  /// Whether every device was named on the command line: then one that can't have a grant is an error.
  var areNamed: Bool { !device.isEmpty }

  func scope(of vault: Vault) throws -> GrantScope {
    if !device.isEmpty { return .devices(try vault.rows(ofDevices: device)) }
    if let list {
      let text = String(decoding: try readFile(list, atMost: Self.longestList), as: UTF8.self)
      let ids = text.split(whereSeparator: \.isNewline).map { $0.trimmingSpaces }.filter { !$0.isEmpty }
      return .devices(try vault.rows(ofDevices: ids))
    }
    var selection = DeviceSelection()
    selection.batch = batch
    selection.tag = tag
    return .selection(selection)
  }

  var words: [String] {
    ["\(device.count)"] + device.sorted() + [list, batch, tag, all ? "all" : nil].map { $0 ?? "" }
  }

  /// Some millions of ids.
  private static let longestList = 1 << 30
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
