import ArgumentParser
import HostSupport
import SecretBytes
import Vault

/// How a vault is unlocked: `--vault-key`, `--vault-key-fd`, or else its passphrase.
struct VaultKeyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The file of the key that unlocks the vault; without it the passphrase is asked for.", valueName: "vault.key"))
  var vaultKey: String?

  @Option(help: ArgumentHelp("Read the key that unlocks the vault (32 bytes) from this descriptor.", valueName: "n"))
  var vaultKeyFd: Int32?

  func validate() throws {
    if vaultKey != nil, vaultKeyFd != nil {
      throw ValidationError("--vault-key and --vault-key-fd exclude each other")
    }
  }

  /// Unlocks a vault. A passphrase is asked for where the vault takes one.
  func unlock(_ vault: Vault, at path: String, passphrase: PassphraseOptions) throws -> VaultKey {
    let method = try about(path) { try vault.unlockingMethod() }
    let secret = try given() ?? ask(method, path, passphrase)
    return try about(vaultKey ?? path) { try vault.unlock(with: secret) }
  }

  /// The key that was given, if one was.
  func given() throws -> UnlockingSecret? {
    if let vaultKey { return .key(try KeyReader.vaultKey(vaultKey)) }
    if let vaultKeyFd { return .key(try KeyReader.vaultKey(descriptor: vaultKeyFd)) }
    return nil
  }

  private func ask(
    _ method: UnlockingMethod, _ path: String, _ passphrase: PassphraseOptions
  ) throws -> UnlockingSecret {
    guard case .passphrase = method else {
      throw SubjectError(subject: path, error: VaultError.wrongUnlocking(needed: method))
    }
    return .passphrase(try passphrase.source.passphrase(for: path))
  }
}

extension Occasion {
  /// Now, by the user of this process.
  static var present: Occasion { Occasion(now: Timestamp.now.seconds, who: userName()) }
}
