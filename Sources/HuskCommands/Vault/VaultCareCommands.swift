import ArgumentParser
import HostSupport
import Vault

struct VaultBackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write a copy of a vault, while it may be in use.",
    discussion: """
      The copy is checked before it gets its name. It is unlocked as the vault is now.

      Example: husk vault backup acme.vault -o acme-2026-11-22.vault
      """)

  @OptionGroup var vault: VaultArgument

  @Option(name: .shortAndLong, help: ArgumentHelp("The copy; must not exist.", valueName: "file"))
  var output: String

  func run() throws {
    try OutputFile.check(output)
    try about(vault.path) { try Vault(vault.path, isReadOnly: true).backUp(to: output) }
  }
}

struct VaultRotateKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate-key",
    abstract: "Give a vault a new key, or another passphrase.",
    discussion: """
      Everything in the vault is encrypted and sealed anew. The former key or passphrase opens older copies only. The \
      new key is told with --new-vault-key as at husk vault create; without it a passphrase is asked for.

      Example: husk vault rotate-key acme.vault --vault-key acme.key --new-vault-key acme-2.key
      """)

  @OptionGroup var vault: VaultArgument
  @OptionGroup var key: VaultKeyOptions

  @Option(
    help: ArgumentHelp(
      "Write a new key that unlocks the vault to this file; without it a passphrase does.", valueName: "new.key"))
  var newVaultKey: String?

  @Option(help: ArgumentHelp("The vault's new key (32 bytes) is read from this descriptor.", valueName: "n"))
  var newVaultKeyFd: Int32?

  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if newVaultKey != nil, newVaultKeyFd != nil {
      throw ValidationError("--new-vault-key and --new-vault-key-fd exclude each other")
    }
  }

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path) }
    let vaultKey = try key.unlock(store, at: vault.path, passphrase: passphrase)
    let secret = try NewVaultSecret(
      for: vault.path, file: newVaultKey, descriptor: newVaultKeyFd, passphrase: passphrase)
    // The new key must be there for good before anything depends on it.
    try secret.publish()
    do {
      _ = try about(vault.path) { try store.rotateKey(vaultKey, to: secret.secret, on: .present) }
    } catch {
      if let newVaultKey { removeFile(newVaultKey) }
      throw error
    }
  }
}

struct VaultClockCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clock",
    abstract: "Compare the clock with the vault's latest event.",
    discussion: """
      Times in the log never go back: while the clock is behind the latest event, nothing can be changed. If it was \
      that event's time that was wrong, --accept says so, and the log goes on by the clock.

      Example: husk vault clock acme.vault --accept
      """)

  @OptionGroup var vault: VaultArgument

  @Flag(help: "Say that the clock is right.")
  var accept = false

  func run() throws {
    let occasion = Occasion.present
    let store = try about(vault.path) { try Vault(vault.path, isReadOnly: !accept) }
    if accept {
      try about(vault.path) { try store.acceptClock(on: occasion) }
    } else {
      let latest = try about(vault.path) { try store.latestEvents(1) }.first?.at
      try Report([Report.Field("clock", .time(occasion.now)), Report.Field("latestEvent", time: latest)])
        .print(asJSON: false)
    }
  }
}
