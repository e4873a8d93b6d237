import DeviceSupport
import Testing

@Suite("husk certify")
struct CertifyTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.make("keygen", "-o", "x.pem")
  }

  @Test("shows what it certified, with times in UTC")
  func times() throws {
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "x.pub", "--subject", "X GmbH", "--role", "module", "--role",
      "grant", "--scope", "com.x.", "--depth", "2", "--not-before", "2030-02-28", "--not-after",
      "2031-01-01T01:30:00+01:00", "-o", "x.chain")
    let lines = try desk.husk("inspect", "x.chain").stdout.split(separator: "\n").map { $0.drop { $0 == " " } }
    for line in [
      "subject     X GmbH", "roles       grant, module", "scope       com.x.", "depth       2",
      "not before  2030-02-28T00:00:00Z", "not after   2031-01-01T00:30:00Z",
    ] { #expect(lines.contains(Substring(line))) }
    // It isn't valid before 2030.
    let verified = try desk.husk("verify", "x.chain", "--root", "root.pub")
    #expect(verified.stderr == "husk: error: x.chain: certificate 1 of the chain isn't valid yet (not-yet-valid)\n")
  }

  @Test("refuses what every verifier would refuse, and says why")
  func widening() throws {
    func extend(_ words: String..., error: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
      let before = try desk.contents()
      let outcome = try desk.husk(
        [
          "certify", "--key", "acme.pem", "--chain", "acme.chain", "--subject-key", "x.pub", "--subject", "X", "-o",
          "x.chain",
        ] + words)
      #expect(outcome.stderr == "husk: error: acme.chain: \(error)\n", sourceLocation: sourceLocation)
      #expect(outcome.status == 1, sourceLocation: sourceLocation)
      #expect(try desk.contents() == before, sourceLocation: sourceLocation)
    }
    try extend(
      "--role", "boot.loader", "--scope", "com.acme.",
      error: "the issuer doesn't hold the role boot.loader that it would give (chain-invalid)")
    try extend(
      "--role", "module", "--scope", "com.",
      error: "the scope isn't within the issuer's, com.acme. (chain-invalid)")
    try extend(
      "--role", "module", "--scope", "",
      error: "the scope isn't within the issuer's, com.acme. (chain-invalid)")
    try extend(
      "--role", "module", "--scope", "com.acme.", "--depth", "1",
      error: "the depth must be from 0 to 0: the issuer's is 1 (chain-invalid)")
    try extend(
      "--role", "module", "--scope", "com.acme.", "--not-after", "2020-01-01",
      error: "the validity would have ended already (expired)")
    try extend(
      "--role", "module", "--scope", "com.acme.", "--not-before", "2040-01-02", "--not-after", "2040-01-01",
      error: "the validity would end before it begins")
  }

  @Test("takes only the key that the chain ends in, and keys that sign")
  func keys() throws {
    let words = ["--subject", "X", "--role", "module", "--scope", "com.acme.", "-o", "x.chain"]
    func refuse(_ arguments: [String], _ error: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
      let outcome = try desk.husk(["certify"] + arguments + words)
      #expect(outcome.stderr == "husk: error: \(error)\n", sourceLocation: sourceLocation)
      #expect(outcome.status == 1, sourceLocation: sourceLocation)
    }
    try refuse(
      ["--key", "root.pem", "--chain", "acme.chain", "--subject-key", "x.pub"],
      "acme.chain: the chain ends in another key than the one to sign with (chain-invalid)")
    try refuse(
      ["--key", "root.pem", "--subject-key", "root.pub"], "root.pem: the key to certify is the issuer's own")
    try refuse(
      ["--key", "receiver.pem", "--subject-key", "x.pub"],
      "receiver.pem: this is another type of key, not an Ed25519 or P-256 private key")
    try refuse(
      ["--key", "root.pem", "--subject-key", "receiver.pub"],
      "receiver.pub: this is another type of key, not an Ed25519 or P-256 public key")
    try refuse(
      ["--key", "root.pub", "--subject-key", "x.pub"],
      """
      root.pub: this is a public key, not an Ed25519 or P-256 private key
      husk: hint: the private half has the suffix .pem
      """)
    try refuse(
      ["--key", "root.pem", "--subject-key", "x.pem"],
      """
      x.pem: this is a private key, not an Ed25519 or P-256 public key
      husk: hint: keygen wrote the public half beside it, with the suffix .pub
      """)
    try refuse(
      ["--key", "codec.so", "--subject-key", "x.pub"],
      "codec.so: this is no PEM key file, not an Ed25519 or P-256 private key")
    try refuse(["--key", "missing.pem", "--subject-key", "x.pub"], "missing.pem: no such file or directory")
    #expect(try desk.contents()["x.chain"] == nil)
  }

  @Test("refuses arguments that don't fit, as misuse of the command line")
  func misuse() throws {
    let before = try desk.contents()
    for (option, value) in [
      ("--role", "modul"), ("--scope", "acme"), ("--scope", "Com.acme."), ("--scope", "com..acme."),
      ("--not-after", "tomorrow"), ("--not-after", "2027-02-29"), ("--depth", "x"),
      ("--subject", "a\u{1b}[2J"), ("--subject", "a\u{202e}b"), ("--subject", "a\nb"),
    ] {
      let outcome = try desk.husk(
        "certify", "--key", "root.pem", "--subject-key", "x.pub", "--subject", "X", "--role", "module", "--scope",
        "com.acme.", "-o", "x.chain", option, value)
      #expect(outcome.status == 2)
      #expect(outcome.stderr.hasPrefix("husk: error: "))
      #expect(outcome.stderr.hasSuffix("husk: hint: husk certify --help tells how it is meant\n"))
      #expect(outcome.stderr.split(separator: "\n").count == 2)
    }
    #expect(try desk.contents() == before)
  }

  @Test("writes to a pipe, but no binary to a terminal")
  func standardOutput() throws {
    let words = [
      "certify", "--key", "root.pem", "--subject-key", "x.pub", "--subject", "X", "--role", "module", "--scope",
      "com.acme.", "-o", "-",
    ]
    #expect(try desk.husk(words).status == 0)
    let session = try TerminalSession(Desk.tool, words, in: desk.directory)
    let (status, output) = try session.end()
    #expect(status == 1)
    #expect(
      output == """
        husk: error: refusing to write binary to the terminal\r
        husk: hint: name a file with -o, or redirect the output\r

        """)
  }
}
