import ArgumentParser
import Vault

struct VaultInfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Tell what a vault holds.",
    discussion: """
      Example: husk vault info acme.vault
      """)

  @OptionGroup var vault: VaultArgument

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    try about(vault.path) { try Report(Vault(vault.path, isReadOnly: true)) }.print(asJSON: json)
  }
}
