import ArgumentParser
import HostSupport
import HuskFormat
import Vault

struct VaultCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vault",
    abstract: "Keep content keys.",
    discussion: """
      A vault is one file that holds the content keys of a vendor's modules, sealed to the vault key, and remembers \
      the grants issued. Without the vault key's private half it reveals no content key.
      """,
    subcommands: [Create.self, Rotate.self, Info.self])

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create",
      abstract: "Make a new vault.",
      discussion: """
        Example: husk keygen --type x25519 -o vault.pem
                 husk vault create acme.vault --vault-key vault.pub
        """)

    @Argument(help: ArgumentHelp("The vault's file; must not exist.", valueName: "vault"))
    var path: String

    @Option(help: ArgumentHelp("The vault key's public half (x25519).", valueName: "vault.pub"))
    var vaultKey: String

    func run() throws {
      try OutputFile.check(path)
      let key = try readAgreementPublicKey(vaultKey)
      try about(path) { try Vault.create(at: path, vaultKey: key) }
    }
  }

  struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rotate",
      abstract: "Begin a module's next key epoch, with a new content key.",
      discussion: """
        Packages of the new epoch need new grants: who gets none can't read them. That is how access is revoked.

        Example: husk vault rotate acme.vault --module com.acme.codec --vault-key vault.pem
        """)

    @Argument(help: ArgumentHelp("The vault's file.", valueName: "vault"))
    var path: String

    @Option(help: "The module's name.", transform: parseName)
    var module: Name

    @Option(help: ArgumentHelp("The vault key's private half.", valueName: "vault.pem"))
    var vaultKey: String

    @OptionGroup var passphrase: PassphraseOptions

    func run() throws {
      let vault = try about(path) { try Vault(path) }
      let key = try passphrase.keys.agreementKey(vaultKey)
      try about(vaultKey) { try vault.check(key) }
      let epoch = try about(path) { try vault.rotate(module, now: Timestamp.now.seconds, with: key) }
      printLines("\(module.text): epoch \(epoch)")
    }
  }

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "info",
      abstract: "Tell what a vault holds.",
      discussion: """
        Example: husk vault info acme.vault
        """)

    @Argument(help: ArgumentHelp("The vault's file.", valueName: "vault"))
    var path: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try about(path) { try Report(Vault(path, isReadOnly: true)) }.print(asJSON: json)
    }
  }
}
