import ArgumentParser
import HostSupport
import HuskFormat
import Vault

struct VaultExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write what a vault knows to a file, for another vault or an auditor.",
    discussion: """
      Devices with their identities, grants and the log: nothing secret. With --key it is signed: of a file that isn't, \
      another vault takes identities alone. Content keys go with it only if asked for, encrypted to a recipient's \
      X25519 key.

      Example: husk vault export acme.vault -o acme.export --key acme.pem
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

  @Option(help: ArgumentHelp("The private key to sign with.", valueName: "key.pem"))
  var key: String?

  @OptionGroup var vaultKey: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if contentKeys, recipient == nil || key == nil {
      throw ValidationError("--content-keys takes --recipient and --key: content keys go out encrypted and signed")
    }
    if !contentKeys, recipient != nil { throw ValidationError("--recipient is for --content-keys") }
  }

  func run() throws {
    try OutputFile.check(output)
    let store = try about(vault.path) { try Vault(vault.path, isReadOnly: !contentKeys) }
    guard let key else {
      return try about(vault.path) { try store.export(to: output, signing: nil, on: .present) }
    }
    let recipientKey = try recipient.map { try readAgreementPublicKey($0) }
    let signer = try passphrase.keys.signingKey(key)
    let keys = try recipientKey.map {
      ExportSigning.ContentKeys(
        openedBy: try vaultKey.unlock(store, at: vault.path, passphrase: passphrase), to: $0)
    }
    let signing = ExportSigning(by: signer, contentKeys: keys)
    try about(vault.path) { try store.export(to: output, signing: signing, on: .present) }
  }
}

struct VaultImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Take in what another vault exported.",
    discussion: """
      Every identity is verified as if its device came by itself; what the vault has already stays as it is. Doing it \
      again changes nothing. Batches, tags, statuses, grants and content keys decide who gets grants: they are taken \
      only from a file that --signer signed, and without it left out and counted. Grants only tell which sequence \
      numbers are used up: husk grant --reissue doesn't go by them.

      Example: husk vault import site2.vault line3.export --vault-key site2.key
               husk vault import site2.vault acme.export --signer acme.pub --vault-key site2.key
               husk vault import site2.vault acme.export --recipient site2.pem --signer acme.pub --vault-key site2.key
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: ArgumentHelp("The export.", valueName: "file"))
  var file: String

  @Option(help: ArgumentHelp("The private key that content keys were encrypted to.", valueName: "recipient.pem"))
  var recipient: String?

  @Option(help: ArgumentHelp("The public key of who must have signed the export.", valueName: "key.pub"))
  var signer: String?

  @Option(help: "The life-cycle state that devices must be in.", transform: parseLifecycle)
  var lifecycle = Lifecycle.secured

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var vaultKey: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if recipient != nil, signer == nil {
      throw ValidationError("--recipient takes --signer: content keys are taken only from who is known")
    }
  }

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path) }
    var authority: ImportAuthority?
    if let signer {
      let signerKey = try readSigningPublicKey(signer)
      var opener: ContentKeyRecipient?
      if let recipient { opener = ContentKeyRecipient(try passphrase.keys.agreementKey(recipient)) }
      authority = ImportAuthority(signer: signerKey, recipient: opener)
    }
    let unlocked = try vaultKey.unlock(store, at: vault.path, passphrase: passphrase)
    let occasion = Occasion.present
    let verifier = IdentityVerifier(
      trust: try about(vault.path) { try store.trust(with: unlocked) }, lifecycle: lifecycle, now: occasion.now)
    let summary = try about(file) {
      try store.importExport(file, verifier: verifier, authority: authority, with: unlocked, on: occasion) { refusal in
        if !json { printLines("refused: \(ErrorReport(identity: refusal).message)") }
      }
    }
    try Report([
      Report.Field("added", .number(summary.added)), Report.Field("updated", .number(summary.updated)),
      Report.Field("known", .number(summary.known)), Report.Field("refused", .number(summary.refused)),
      Report.Field(
        "signed",
        .flag(
          summary.isSigned,
          words: summary.isSigned ? nil : "not asked for: identities alone were taken; --signer takes the rest")),
      Report.Field("batchesLeftOut", .number(summary.batchesLeftOut)),
      Report.Field("tagsLeftOut", .number(summary.tagsLeftOut)),
      Report.Field("statusesLeftOut", .number(summary.statusesLeftOut)),
      Report.Field("grants", .number(summary.grants)), Report.Field("grantsLeftOut", .number(summary.grantsLeftOut)),
      Report.Field("contentKeys", .number(summary.contentKeys)),
      Report.Field("contentKeysLeftOut", .number(summary.contentKeysLeftOut)),
    ]).print(asJSON: json)
    if summary.refused > 0 { throw ExitCode.failure }
  }
}
