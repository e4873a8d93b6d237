import ArgumentParser
import Cryptography
import HostSupport
import HuskFormat
import Packager
import SecretBytes
import Vault

struct PackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Make a package of a module or boot stage.",
    discussion: """
      A module (a shared object) is examined as lint does, compressed, encrypted under its content key from the \
      vault, and signed. The package is the same for all devices; what lets a device read it is a grant. The first \
      package of a name begins its epoch 1.

      A boot stage (--role boot.loader, boot.decryptor or boot.firmware; an executable) is only signed.

      Example: husk pack codec.so --name com.acme.codec --version 1.2.3 --vault acme.vault --vault-key acme.key \\
                 --key acme.pem --chain acme.chain -o codec.husk
               husk pack bootloader --role boot.loader --name com.soc.bootloader --version 1.0.0 \\
                 --key loader.pem --chain loader.chain -o bootloader.husk
      """)

  @Argument(help: ArgumentHelp("The shared object or executable.", valueName: "file"))
  var image: String

  @Option(help: "module, boot.loader, boot.decryptor or boot.firmware.", transform: parsePackageRole)
  var role = Role.module

  @Option(help: "Its name in reverse-DNS order.", transform: parseName)
  var name: Name

  @Option(help: ArgumentHelp("Its version.", valueName: "major.minor.patch"), transform: parseVersion)
  var version: Version

  @Option(help: "What devices' floors against rollback compare.", transform: parseCount)
  var securityVersion: UInt64 = 0

  @Option(help: ArgumentHelp("The vault that has the module's content key.", valueName: "vault"))
  var vault: String?

  @OptionGroup var vaultKey: VaultKeyOptions

  @Option(help: ArgumentHelp("The private key to sign with.", valueName: "vendor.pem"))
  var key: String

  @Option(help: ArgumentHelp("The chain that ends in this key.", valueName: "vendor.chain"))
  var chain: String

  @Flag(help: "Pack a module even though lint says that loading it is dangerous.")
  var allowDanger = false

  @Flag(
    help: "Let devices that can do so make the module's code unreadable. Only for modules that keep no tables in it.")
  var executeOnly = false

  @OptionGroup var status: MinimumStatusOption
  @OptionGroup var output: OutputOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if role == .module {
      guard vault != nil else { throw ValidationError("Missing expected argument '--vault <vault>'") }
    } else if vault != nil || vaultKey.vaultKey != nil || vaultKey.vaultKeyFd != nil {
      throw ValidationError("a boot stage isn't encrypted: --vault and its key are for modules")
    } else if allowDanger {
      throw ValidationError("--allow-danger is for modules: boot stages aren't examined")
    } else if executeOnly {
      throw ValidationError("--execute-only is for modules")
    } else if status.minimumStatus != nil {
      throw ValidationError("--minimum-status is for modules: what boots has seen no status list yet")
    }
  }

  func run() throws {
    try output.check(.package)
    if role == .module {
      try packModule()
    } else {
      let packed = try packStage()
      try output.write(.package, [packed.front, packed.payload])
    }
  }

  private func packModule() throws {
    guard let vaultPath = vault else { throw ExitCode.failure }
    let bytes = try readFile(image, atMost: Int(Limits.sizeBound))
    let module = try about(image) { try ModuleImage(bytes, allowsDanger: allowDanger) }
    let vault = try about(vaultPath) { try Vault(vaultPath) }
    let signer = try loadSigner()
    let key = try vaultKey.unlock(vault, at: vaultPath, passphrase: passphrase)
    let epoch = try about(vaultPath) { try vault.ensureModule(name, with: key, on: .present) }
    let contentKey = try about(vaultPath) { try vault.contentKey(of: name, epoch: epoch, with: key) }
    let packed = try about(image) {
      try Packager.packModule(
        module, details, mayBeExecuteOnly: executeOnly, epoch: epoch, contentKey: contentKey, signer: signer)
    }
    let prepared = try PreparedOutput(
      output.output, [packed.front, packed.payload], replaces: output.replaced(by: .package))
    // Recorded first: the vault knows of every package that there is.
    let digest = try digest(of: packed)
    try about(vaultPath) {
      try vault.record(
        PackageRecord(
          module: name, version: version, securityVersion: securityVersion, epoch: epoch, digest: digest), on: .present)
    }
    try prepared.publish()
  }

  /// SHA-256 of the file.
  private func digest(of packed: PackedFile) throws -> [UInt8] {
    var digest = try SHA256()
    try digest.update(packed.front.span.bytes)
    try digest.update(packed.payload.span.bytes)
    return try digest.finalize()
  }

  private func packStage() throws -> PackedFile {
    let bytes = try readFile(image, atMost: Int(Limits.payload))
    let stage = try about(image) { try StageExecutable(bytes, mayBeDynamic: role == .bootFirmware) }
    let signer = try loadSigner()
    return try about(image) { try Packager.packStage(stage, role: role, details, signer: signer) }
  }

  private var details: PackageDetails {
    PackageDetails(
      name: name, version: version, securityVersion: securityVersion, issuedAt: Timestamp.now.seconds,
      minimumStatus: status.minimumStatus)
  }

  private func loadSigner() throws -> SigningIdentity {
    try loadSigningIdentity(key: passphrase.keys.signingKey(key), chain: chain, role: role, name: name)
  }
}

private func parsePackageRole(_ text: String) throws -> Role {
  let role = try parseRole(text)
  guard [.module, .bootLoader, .bootDecryptor, .bootFirmware].contains(role) else {
    throw ValidationError("what can be packed is module, boot.loader, boot.decryptor or boot.firmware")
  }
  return role
}
