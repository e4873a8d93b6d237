import ArgumentParser
import HostSupport
import HuskFormat
import Vault

struct VaultCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Examine a vault for damage.",
    discussion: """
      Looks at the database's structures, every record, every identity and the whole log, and whether trust, statuses, \
      devices, grants and content keys are what the log comes to; where the vault is unlocked, at every content key and \
      seal too. With --head, that the log still contains the head that was signed and kept elsewhere: without, who can \
      write the file may have written the log anew. Changes nothing. The exit status is 0 only if nothing is wrong.

      Example: husk vault check acme.vault --vault-key acme.key --head 2026-11.head --head-key auditor.pub
      """)

  @OptionGroup var vault: VaultArgument

  @Option(help: ArgumentHelp("The head of the log, from husk vault head.", valueName: "file"))
  var head: String?

  @Option(help: ArgumentHelp("The key that the head was signed with.", valueName: "key.pub"))
  var headKey: String?

  @Flag(help: "Unlock the vault by its passphrase.")
  var unlock = false

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var key: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if (head == nil) != (headKey == nil) { throw ValidationError("--head and --head-key belong together") }
  }

  func run() throws {
    let head = try self.head.map { path in
      let bytes = try readFile(path, atMost: LogHead.longest)
      let signer = try readSigningPublicKey(headKey ?? "")
      do throws(FormatError) {
        return try LogHead(bytes, signedBy: signer)
      } catch {
        throw ObjectFileError.format(path: path, error)
      }
    }
    let store = try about(vault.path) { try Vault(vault.path, isReadOnly: true) }
    let isUnlocked = unlock || key.vaultKey != nil || key.vaultKeyFd != nil
    let vaultKey = isUnlocked ? try key.unlock(store, at: vault.path, passphrase: passphrase) : nil
    let report = try about(vault.path) { try store.check(with: vaultKey, head: head) }
    let findings = report.findings.map { finding in
      json
        ? Report.Value.group([
          Report.Field("part", .text(finding.part.words)), Report.Field("what", .text(finding.what)),
        ]) : .text("\(finding.part.words): \(finding.what)")
    }
    try Report([
      Report.Field("sound", .flag(findings.isEmpty)),
      Report.Field(
        "unlocked",
        .flag(report.isUnlocked, words: report.isUnlocked ? nil : "no: content keys and seals weren't tried")),
      Report.Field("examined", .group(report.counts.map { Report.Field($0.name, .number($0.count)) })),
      json ? Report.Field("findings", .list(findings)) : nil,
    ]).print(asJSON: json)
    if !json, !findings.isEmpty { printLines(report.findings.map { "\($0.part.words): \($0.what)" }) }
    if !findings.isEmpty { throw ExitCode.failure }
  }
}
