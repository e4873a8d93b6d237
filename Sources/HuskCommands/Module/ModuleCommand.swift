import ArgumentParser
import HostSupport
import HuskFormat
import Vault

struct ModuleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "module",
    abstract: "Look after modules and their key epochs.",
    subcommands: [List.self, Rotate.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Tell which modules a vault has, and their epochs.",
      discussion: """
        Example: husk module list acme.vault
        """)

    @OptionGroup var vault: VaultArgument

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      let modules = try about(vault.path) { try Vault(vault.path, isReadOnly: true).modules() }
      try Report([Report.Field("module", .modules(modules))]).print(asJSON: json)
    }
  }

  struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rotate",
      abstract: "Begin a module's next key epoch, with a new content key.",
      discussion: """
        Packages of the new epoch need new grants: who gets none can't read them. That is how access is revoked.

        Example: husk module rotate acme.vault com.acme.codec --vault-key acme.key
        """)

    @OptionGroup var vault: VaultArgument

    @Argument(help: "The module's name.", transform: parseName)
    var module: Name

    @OptionGroup var key: VaultKeyOptions
    @OptionGroup var passphrase: PassphraseOptions

    func run() throws {
      let store = try about(vault.path) { try Vault(vault.path) }
      let vaultKey = try key.unlock(store, at: vault.path, passphrase: passphrase)
      let epoch = try about(vault.path) { try store.rotate(module, with: vaultKey, on: .present) }
      printLines("\(module.text): epoch \(epoch)")
    }
  }
}

extension Report.Value {
  static func modules(_ modules: [ModuleRecord]) -> Self {
    .list(
      modules.map { module in
        .group([
          Report.Field("name", .text(module.name.text)),
          Report.Field(
            "epoch",
            .list(
              module.epochs.map { epoch in
                .group([
                  Report.Field("number", .number(epoch.number)), Report.Field("created", .time(epoch.createdAt)),
                  Report.Field("packages", .number(epoch.packageCount)),
                  Report.Field("grants", .number(epoch.grantCount)),
                ])
              })),
        ])
      })
  }
}
