import ArgumentParser

struct VaultCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vault",
    abstract: "Keep devices, content keys and grants.",
    discussion: """
      A vault is one file that holds what a vendor must remember: devices and their identities, the content keys of \
      modules by epoch, packages, grants, and a log of all that was done. Content keys in it are encrypted under the \
      vault's key, which a passphrase or a key file unlocks.
      """,
    subcommands: [
      VaultCreateCommand.self, VaultInfoCommand.self, VaultTrustCommand.self, VaultLogCommand.self,
      VaultHeadCommand.self, VaultCheckCommand.self, VaultBackupCommand.self, VaultRotateKeyCommand.self,
      VaultClockCommand.self, VaultExportCommand.self, VaultImportCommand.self,
    ])
}

/// The vault's file.
struct VaultArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The vault's file.", valueName: "vault"))
  var path: String
}
