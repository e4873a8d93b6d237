import ArgumentParser
import HostSupport
import HuskFormat
import Vault

struct VaultExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write what a vault knows to a file, for another vault or an auditor.",
    discussion: """
      Devices with their identities, grants and the log: nothing secret. Content keys go with it only if asked for, \
      encrypted to a recipient's X25519 key, and signed so that the recipient knows whose they are.

      Example: husk vault export acme.vault -o acme.export
               husk vault export acme.vault -o acme.export --content-keys --recipient site2.pub --key acme.pem \\
                 --vault-key acme.key
      """)

  @OptionGroup var vault: VaultArgument

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to write; must not exist.", valueName: "file"))
  var output: String

  @Flag(help: "Export content keys too.")
  var contentKeys = false

  @Option(help: ArgumentHelp("Whom the content keys are encrypted to (x25519).", valueName: "recipient.pub"))
  var recipient: String?

  @Option(help: ArgumentHelp("The private key to sign the content keys with.", valueName: "key.pem"))
  var key: String?

  @OptionGroup var vaultKey: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if contentKeys, recipient == nil || key == nil {
      throw ValidationError("--content-keys takes --recipient and --key: content keys go out encrypted and signed")
    }
    if !contentKeys, recipient != nil || key != nil {
      throw ValidationError("--recipient and --key are for --content-keys")
    }
  }

  func run() throws {
    try OutputFile.check(output)
    let store = try about(vault.path) { try Vault(vault.path, isReadOnly: !contentKeys) }
    guard let recipient, let key else {
      return try about(vault.path) { try store.export(to: output, contentKeys: nil, on: .present) }
    }
    let recipientKey = try readAgreementPublicKey(recipient)
    let signer = try passphrase.keys.signingKey(key)
    let unlocked = try vaultKey.unlock(store, at: vault.path, passphrase: passphrase)
    let keys = ContentKeyExport(vaultKey: unlocked, recipient: recipientKey, signer: signer)
    try about(vault.path) { try store.export(to: output, contentKeys: keys, on: .present) }
  }
}

struct VaultImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Take in what another vault exported.",
    discussion: """
      Every identity is verified as if its device came by itself; what the vault has already stays as it is. Doing it \
      again changes nothing. Content keys are taken only if --signer signed them. Grants only tell which sequence \
      numbers are used up: husk grant --reissue doesn't go by them.

      Example: husk vault import site2.vault acme.export --vault-key site2.key
               husk vault import site2.vault acme.export --recipient site2.pem --signer acme.pub --vault-key site2.key
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: ArgumentHelp("The export.", valueName: "file"))
  var file: String

  @Option(help: ArgumentHelp("The private key that content keys were encrypted to.", valueName: "recipient.pem"))
  var recipient: String?

  @Option(help: ArgumentHelp("The public key of who signed the content keys.", valueName: "key.pub"))
  var signer: String?

  @Option(help: "The life-cycle state that devices must be in.", transform: parseLifecycle)
  var lifecycle = Lifecycle.secured

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var vaultKey: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if (recipient == nil) != (signer == nil) { throw ValidationError("--recipient and --signer belong together") }
  }

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path) }
    var keys: ContentKeyImport?
    if let recipient, let signer {
      keys = ContentKeyImport(
        recipient: try passphrase.keys.agreementKey(recipient), signer: try readSigningPublicKey(signer))
    }
    let unlocked = try vaultKey.unlock(store, at: vault.path, passphrase: passphrase)
    let occasion = Occasion.present
    let verifier = IdentityVerifier(
      trust: try about(vault.path) { try store.trust(with: unlocked) }, lifecycle: lifecycle, now: occasion.now)
    let summary = try about(file) {
      try store.importExport(file, verifier: verifier, contentKeys: keys, with: unlocked, on: occasion) { refusal in
        if !json { printLines("refused: \(ErrorReport(identity: refusal).message)") }
      }
    }
    try Report([
      Report.Field("added", .number(summary.added)), Report.Field("updated", .number(summary.updated)),
      Report.Field("known", .number(summary.known)), Report.Field("refused", .number(summary.refused)),
      Report.Field("grants", .number(summary.grants)), Report.Field("grantsLeftOut", .number(summary.grantsLeftOut)),
      Report.Field("contentKeys", .number(summary.contentKeys)),
      Report.Field("contentKeysLeftOut", .number(summary.contentKeysLeftOut)),
    ]).print(asJSON: json)
    if summary.refused > 0 { throw ExitCode.failure }
  }
}
