import ArgumentParser
import HostSupport
import HuskFormat
import Vault

struct DeviceAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add devices by their identities.",
    discussion: """
      Verifies each identity under what the vault trusts. A device that the vault knows may bring new software, or a \
      new grant key under a higher key epoch; what it had before is kept as history. If one identity is refused, none \
      is added. For a file of many, see husk device import.

      Example: husk device add acme.vault unit7.identity --batch 2026-11 --vault-key acme.key
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: ArgumentHelp("Identity files.", valueName: "identity"))
  var identities: [String]

  @OptionGroup var terms: AdditionOptions
  @OptionGroup var key: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path) }
    let vaultKey = try key.unlock(store, at: vault.path, passphrase: passphrase)
    let occasion = Occasion.present
    let verifier = IdentityVerifier(
      trust: try about(vault.path) { try store.trust(with: vaultKey) }, lifecycle: terms.lifecycle, now: occasion.now)
    let verified = try identities.map { path in
      let bytes = try readFile(path, atMost: Limits.identity)
      return try about(path) { try verifier.verify(bytes) }
    }
    let outcomes = try about(vault.path) {
      try store.addAll(verified, terms.terms(source: nil), with: vaultKey, on: occasion)
    }
    for (device, outcome) in zip(verified, outcomes) {
      printLines("\(hex(device.identity.value.deviceID)) \(outcome.word)")
    }
  }
}

/// What is said of devices that are added.
struct AdditionOptions: ParsableArguments {
  @Option(help: "The life-cycle state that devices must be in.", transform: parseLifecycle)
  var lifecycle = Lifecycle.secured

  @Option(help: "The batch that new devices came in.", transform: parseLabel)
  var batch: String?

  @Option(help: "A tag for the devices; repeat for more.", transform: parseLabel)
  var tag: [String] = []

  func terms(source: String?) -> AdditionTerms {
    var terms = AdditionTerms()
    terms.batch = batch
    terms.tags = tag
    terms.source = source
    return terms
  }
}

extension AdditionOutcome {
  var word: String {
    switch self {
    case .added: "added"
    case .updated: "updated"
    case .rekeyed: "rekeyed"
    case .known: "known"
    case .refused: "refused"
    }
  }
}
