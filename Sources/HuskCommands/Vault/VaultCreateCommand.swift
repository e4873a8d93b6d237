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

  @Option(
    help: ArgumentHelp(
      "Write a new key that unlocks the vault to this file; without it a passphrase does.", valueName: "vault.key"))
  var vaultKey: String?

  @Option(help: ArgumentHelp("The vault's key (32 bytes) is read from this descriptor.", valueName: "n"))
  var vaultKeyFd: Int32?

  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if vaultKey != nil, vaultKeyFd != nil {
      throw ValidationError("--vault-key and --vault-key-fd exclude each other")
    }
  }

  func run() throws {
    try OutputFile.check(path)
    let secret = try NewVaultSecret(for: path, file: vaultKey, descriptor: vaultKeyFd, passphrase: passphrase)
    // The key must be there for good before anything depends on it.
    try secret.publish()
    do {
      try about(path) { try Vault.create(at: path, unlockedBy: secret.secret, on: .present) }
    } catch {
      if let vaultKey { removeFile(vaultKey) }
      throw error
    }
  }
}

/// What will unlock a vault, and the file that it is to be kept in.
struct NewVaultSecret: ~Copyable {
  let secret: UnlockingSecret
  private let file: String?
  private let pem: SecretBytes?

  /// A new key for a file, a key from a descriptor, or else a new passphrase.
  init(for path: String, file: String?, descriptor: Int32?, passphrase: PassphraseOptions) throws {
    self.file = file
    if let file {
      try OutputFile.check(file)
      let key = try randomSecret(count: AEAD.keyByteCount)
      pem = try VaultKeyPEM.encode(key)
      secret = .key(key)
    } else if let descriptor {
      secret = .key(try KeyReader.vaultKey(descriptor: descriptor))
      pem = nil
    } else {
      secret = .passphrase(try passphrase.source.newPassphrase(for: path))
      pem = nil
    }
  }

  /// Puts the key into its file, if it has one.
  borrowing func publish() throws {
    guard let file else { return }
    let output = try OutputFile(file, mode: 0o600)
    try pem?.withBytes { (bytes) throws(FileError) in try output.write(bytes) }
    try output.publish()
  }
}
