import ArgumentParser
import Cryptography
import HostSupport
import SecretBytes

struct KeygenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keygen",
    abstract: "Make a key pair.",
    discussion: """
      Writes the private key (PKCS#8 PEM, mode 0600) and beside it the public key (SPKI PEM, suffix .pub), both as \
      openssl reads them. Neither replaces an existing file.

      ed25519 and p256 keys sign; x25519 keys receive what is encrypted to somebody.

      Example: husk keygen --encrypt -o vendor.pem
      """)

  enum KeyType: String, ExpressibleByArgument, CaseIterable {
    case ed25519, p256, x25519
  }

  @Option(help: "ed25519, p256 or x25519.")
  var type = KeyType.ed25519

  @Flag(help: "Encrypt the private key under a passphrase.")
  var encrypt = false

  @Option(name: .shortAndLong, help: ArgumentHelp("The private key's file.", valueName: "name.pem"))
  var output: String

  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if output == "-" { throw ValidationError("a key pair is two files: name the private key's with -o") }
    if output.hasSuffix(".pub") {
      throw ValidationError("-o names the private key's file, and .pub is for the public key's")
    }
  }

  func run() throws {
    let publicPath = (output.hasSuffix(".pem") ? String(output.dropLast(4)) : output) + ".pub"
    for path in [output, publicPath] { try OutputFile.check(path) }
    let pair = try makePair()

    // Both are on disk before either has its name.
    let privateFile = try OutputFile(output, mode: 0o600)
    try pair.privatePEM.withBytes { (bytes) throws(FileError) in try privateFile.write(bytes) }
    try privateFile.flush()
    let publicFile = try OutputFile(publicPath, mode: 0o644)
    try publicFile.write(pair.publicPEM.span.bytes)
    try publicFile.flush()
    try privateFile.publish()
    do throws(FileError) {
      try publicFile.publish()
    } catch {
      removeFile(output)
      throw error
    }
  }

  private struct Pair: ~Copyable {
    let privatePEM: SecretBytes
    let publicPEM: [UInt8]
  }

  private func makePair() throws -> Pair {
    switch type {
    case .ed25519: return try makeSigningPair(.edDSA)
    case .p256: return try makeSigningPair(.es256)
    case .x25519:
      let key = try X25519PrivateKey.generate()
      let publicPEM = try X25519PrivateKey.pem(publicKey: key.publicKey.span.bytes)
      return Pair(
        privatePEM: encrypt ? try key.pem(encryptedWith: newPassphrase()) : try key.pem(), publicPEM: publicPEM)
    }
  }

  private func makeSigningPair(_ algorithm: SignatureAlgorithm) throws -> Pair {
    let key = try SigningKey.generate(algorithm)
    let publicPEM = try key.publicKey().pem()
    return Pair(
      privatePEM: encrypt ? try key.pem(encryptedWith: newPassphrase()) : try key.pem(), publicPEM: publicPEM)
  }

  private func newPassphrase() throws -> SecretBytes {
    try passphrase.source.newPassphrase(for: output)
  }
}
