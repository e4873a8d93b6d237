import ArgumentParser
import Cryptography
import HostSupport
import SecretBytes
import Vault

struct VaultCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make a new vault.",
    discussion: """
      A passphrase unlocks it, unless --vault-key names a file: then a new key is written there, to be kept apart from \
      the vault. Programs that have a key elsewhere pass its 32 bytes in with --vault-key-fd.

      Example: husk vault create acme.vault
               husk vault create acme.vault --vault-key acme.key
      """)

  @Argument(help: ArgumentHelp("The vault's file; must not exist.", valueName: "vault"))
  var path: String

  @OptionGroup var newKey: NewVaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func run() throws {
    try OutputFile.check(path)
    let secret = try newKey.make(for: path, passphrase: passphrase)
    try about(path) { try Vault.create(at: path, unlockedBy: secret.secret, on: .present) }
    // The key is on disk before the vault; a vault whose key has no name yet can't be used by anybody.
    try secret.publish(orUndo: { removeFile(path) })
  }
}

/// How a vault is to be unlocked from now on.
struct NewVaultKeyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write a new key that unlocks the vault to this file; without it a passphrase does.", valueName: "vault.key"))
  var vaultKey: String?

  @Option(help: ArgumentHelp("The vault's key (32 bytes) is read from this descriptor.", valueName: "n"))
  var vaultKeyFd: Int32?

  func validate() throws {
    if vaultKey != nil, vaultKeyFd != nil {
      throw ValidationError("--vault-key and --vault-key-fd exclude each other")
    }
  }

  func make(for path: String, passphrase: PassphraseOptions) throws -> NewVaultSecret {
    if let vaultKey {
      try OutputFile.check(vaultKey)
      let key = try randomSecret(count: AEAD.keyByteCount)
      let pem = try VaultKeyPEM.encode(key)
      let file = try OutputFile(vaultKey, mode: 0o600)
      try pem.withBytes { (bytes) throws(FileError) in try file.write(bytes) }
      try file.flush()
      return NewVaultSecret(secret: .key(key), file: file)
    }
    if let vaultKeyFd { return NewVaultSecret(secret: .key(try KeyReader.vaultKey(descriptor: vaultKeyFd)), file: nil) }
    return NewVaultSecret(secret: .passphrase(try passphrase.source.newPassphrase(for: path)), file: nil)
  }
}

/// What will unlock a vault, and the file that it is to be kept in.
struct NewVaultSecret: ~Copyable {
  let secret: UnlockingSecret
  private let file: OutputFile?

  init(secret: consuming UnlockingSecret, file: consuming OutputFile?) {
    self.secret = secret
    self.file = file
  }

  /// Gives the key's file its name. If that fails, `undo` takes back what rests on the key.
  consuming func publish(orUndo undo: () -> Void) throws {
    guard let file else { return }
    do {
      try file.publish()
    } catch {
      undo()
      throw error
    }
  }
}
