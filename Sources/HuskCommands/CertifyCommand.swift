import ArgumentParser
import HostSupport
import HuskFormat
import Packager

struct CertifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certify",
    abstract: "Say what a key may sign.",
    discussion: """
      Signs a certificate for a public key and writes the chain that ends in it. Without --chain the issuer's key is \
      a root key; with it, the key that this chain ends in. A certificate can't say more than its issuer's: what a \
      device would refuse isn't issued.

      Roles: boot.loader, boot.decryptor, boot.firmware, module, grant, status, silicon.

      Example, the platform owner lets Acme sign modules and grants under com.acme., and pass that on once:
        husk certify --key root.pem --subject-key acme.pub --subject "Acme GmbH" --role module --role grant \\
          --scope com.acme. --depth 1 -o acme.chain
      """)

  @Option(help: ArgumentHelp("The issuer's private key.", valueName: "issuer.pem"))
  var key: String

  @Option(help: ArgumentHelp("The issuer's chain; without it the issuer is a root.", valueName: "issuer.chain"))
  var chain: String?

  @Option(help: ArgumentHelp("The public key to certify.", valueName: "subject.pub"))
  var subjectKey: String

  @Option(help: "Whom the certificate names, for people: 1 to 64 bytes.", transform: parseSubject)
  var subject: String

  @Option(help: "What the key may sign; repeat for more.", transform: parseRole)
  var role: [Role] = []

  @Option(
    help: "For which names: a prefix with a dot at its end, or one whole name; '' for all.", transform: parseScope)
  var scope: Scope

  @Option(help: "How many further certificates may follow in a chain, 0 to 5.")
  var depth = 0

  @Option(help: ArgumentHelp("The certificate isn't valid before.", valueName: "date"), transform: parseTime)
  var notBefore: UInt64?

  @Option(
    help: ArgumentHelp("The certificate isn't valid after; a date alone includes its day (UTC).", valueName: "date"),
    transform: parseEndTime)
  var notAfter: UInt64?

  @OptionGroup var output: OutputOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if role.isEmpty { throw ValidationError("Missing expected argument '--role <role>'") }
  }

  func run() throws {
    try output.check(.chain)
    let subjectKey = try readSigningPublicKey(subjectKey)
    let issuerChain = try chain.map { try loadChain($0) }
    let issuer = try passphrase.keys.signingKey(key)
    var request = CertificateRequest(
      subject: subject, key: subjectKey, roles: role, scope: scope, depth: depth)
    request.notBefore = notBefore
    request.notAfter = notAfter
    let extended = try about(chain ?? key) {
      try issueCertificate(request, issuer: issuer, chain: issuerChain, now: Timestamp.now.seconds)
    }
    try output.write(.chain, [extended.file])
  }
}
