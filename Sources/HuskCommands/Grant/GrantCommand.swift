import ArgumentParser

struct GrantCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant",
    abstract: "Let devices read a module.",
    subcommands: [GrantIssueCommand.self, GrantExtractCommand.self],
    defaultSubcommand: GrantIssueCommand.self)
}
