import ArgumentParser
import HostSupport
import Vault

struct DeviceStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Put devices into a status.",
    discussion: """
      active, refurbished and resold devices get grants; suspended, recalled and decommissioned ones don't. A \
      decommissioned device stays so. Who did it when and why is kept.

      Example: husk device status acme.vault recalled 3f08a1 --why "cracked housing" --vault-key acme.key
               husk device status acme.vault recalled --batch 2026-11 --why "bad solder" --vault-key acme.key
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: "active, suspended, recalled, refurbished, resold or decommissioned.", transform: parseStatus)
  var newStatus: DeviceStatus

  @OptionGroup var targets: DeviceTargets

  @Option(help: "Who wants it; without it the user that runs this.", transform: parseReason)
  var who: String?

  @Option(help: "Why.", transform: parseReason)
  var why: String

  @OptionGroup var key: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path) }
    let vaultKey = try key.unlock(store, at: vault.path, passphrase: passphrase)
    var occasion = Occasion.present
    if let who { occasion.who = who }
    var count = 0
    try about(vault.path) {
      try targets.forEachPage(of: store) { page in
        count += try store.setStatus(
          newStatus, of: page, selectedBy: targets.selection.tag, why: why, with: vaultKey, on: occasion)
      }
    }
    printLines("\(count) now \(newStatus.name)")
  }
}

struct DeviceTagCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag",
    abstract: "Give devices a tag, to select them by.",
    discussion: """
      Example: husk device tag acme.vault pilot 3f08a1 77e2 --vault-key acme.key
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: "The tag.", transform: parseLabel)
  var name: String

  @OptionGroup var targets: DeviceTargets
  @OptionGroup var key: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path) }
    let vaultKey = try key.unlock(store, at: vault.path, passphrase: passphrase)
    var count = 0
    try about(vault.path) {
      try targets.forEachPage(of: store) {
        count += try store.tag($0, as: name, selectedBy: targets.selection.tag, with: vaultKey, on: .present)
      }
    }
    printLines("\(count) tagged")
  }
}

struct DeviceUntagCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "untag",
    abstract: "Take a tag from devices.",
    discussion: """
      Example: husk device untag acme.vault pilot --tag pilot
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: "The tag.")
  var name: String

  @OptionGroup var targets: DeviceTargets

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path) }
    var count = 0
    try about(vault.path) {
      try targets.forEachPage(of: store) { count += try store.untag($0, as: name, on: .present) }
    }
    printLines("\(count) untagged")
  }
}
