import DeviceSupport
import Testing

@Suite("husk keygen")
struct KeygenTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
  }

  @Test("writes key pairs that openssl reads", arguments: ["ed25519", "p256", "x25519"])
  func openssl(type: String) throws {
    try desk.make("keygen", "--type", type, "-o", "key.pem")
    #expect(try desk.contents().keys.sorted() == ["key.pem", "key.pub"])
    #expect(try desk.permissions("key.pem") == 0o600)
    #expect(try desk.permissions("key.pub") == 0o644)
    let derived = try run("openssl", ["pkey", "-in", "key.pem", "-pubout"], directory: desk.directory)
    #expect(derived.status == 0)
    #expect(derived.stdout == String(decoding: try desk.read("key.pub"), as: UTF8.self))
  }

  @Test("makes Ed25519 keys, a new one each time")
  func usual() throws {
    try desk.make("keygen", "-o", "one.pem")
    try desk.make("keygen", "-o", "two")
    #expect(try desk.contents().keys.sorted() == ["one.pem", "one.pub", "two", "two.pub"])
    #expect(try desk.read("one.pem") != desk.read("two"))
    #expect(try desk.report("inspect", "one.pub")["type"] as? String == "Ed25519")
  }

  @Test("reads keys that openssl made", arguments: ["ED25519", "EC"])
  func foreignKey(algorithm: String) throws {
    let options = algorithm == "EC" ? ["-pkeyopt", "ec_paramgen_curve:P-256"] : []
    for name in ["root", "subject"] {
      let made = try run(
        "openssl", ["genpkey", "-algorithm", algorithm] + options + ["-out", "\(name).pem"],
        directory: desk.directory)
      try #require(made.status == 0)
      let derived = try run("openssl", ["pkey", "-in", "\(name).pem", "-pubout"], directory: desk.directory)
      try desk.write("\(name).pub", derived.stdout.utf8)
    }
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "subject.pub", "--subject", "x", "--role", "module", "--scope",
      "com.acme.", "-o", "x.chain")
    let verified = try desk.husk("verify", "x.chain", "--root", "root.pub")
    #expect(verified.stdout == "ok: chain to x, scope com.acme.\n")
  }

  @Test("replaces neither half of a key pair")
  func existing() throws {
    try desk.make("keygen", "-o", "key.pem")
    try desk.refuse("keygen", "-o", "key.pem", error: "key.pem: already exists")
    try desk.write("other.pub", "mine".utf8)
    try desk.refuse("keygen", "-o", "other.pem", error: "other.pub: already exists")
  }

  @Test("refuses names that would make a private key pass for a public one, and standard output")
  func misnamed() throws {
    let hint = "husk keygen --help tells how it is meant"
    try desk.refuse(
      "keygen", "-o", "key.pub", error: "-o names the private key's file, and .pub is for the public key's", hint: hint,
      status: 2)
    try desk.refuse(
      "keygen", "-o", "-", error: "a key pair is two files: name the private key's with -o", hint: hint, status: 2)
  }

  @Test("encrypts under a passphrase that comes through a descriptor")
  func encrypted() throws {
    let outcome = try desk.husk(
      "keygen", "--encrypt", "--passphrase-fd", "7", "-o", "key.pem", passphrases: "correct horse\n")
    #expect(outcome.status == 0)
    #expect(outcome.stderr == "")
    let pem = String(decoding: try desk.read("key.pem"), as: UTF8.self)
    #expect(pem.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"))
    let decrypted = try run(
      "openssl", ["pkey", "-in", "key.pem", "-passin", "stdin", "-pubout"], stdin: "correct horse\n",
      directory: desk.directory)
    #expect(decrypted.stdout == String(decoding: try desk.read("key.pub"), as: UTF8.self))

    try desk.make("keygen", "-o", "subject.pem")
    let certify = [
      "certify", "--key", "key.pem", "--subject-key", "subject.pub", "--subject", "x", "--role", "module", "--scope",
      "com.acme.", "--passphrase-fd", "7", "-o", "x.chain",
    ]
    #expect(
      try desk.husk(certify, passphrases: "wrong\n").stderr
        == "husk: error: key.pem: the passphrase is wrong, or the file is damaged\n")
    #expect(try desk.husk(certify, passphrases: "\n").stderr == "husk: error: key.pem: the passphrase is empty\n")
    #expect(
      try desk.husk(certify, passphrases: "").stderr == "husk: error: key.pem: descriptor 7 has no passphrase to read\n"
    )
    #expect(try desk.husk(certify, passphrases: "\r\n").stderr == "husk: error: key.pem: the passphrase is empty\n")
    #expect(
      try desk.husk(certify, passphrases: "correct horse\r\r\n").stderr
        == "husk: error: key.pem: the passphrase is wrong, or the file is damaged\n")
    #expect(try desk.husk(certify, passphrases: "correct horse\r\n").status == 0)
  }

  @Test("needs a terminal or a descriptor for a passphrase")
  func noTerminal() throws {
    // A session of its own has no terminal.
    let outcome = try run(
      "setsid", ["-w", Desk.tool, "keygen", "--encrypt", "-o", "key.pem"], directory: desk.directory)
    #expect(
      outcome.stderr == """
        husk: error: a passphrase is needed, and there is no terminal to ask on
        husk: hint: --passphrase-fd N reads it from a descriptor

        """)
    #expect(outcome.status == 1)
    #expect(try desk.contents().isEmpty)
  }

  @Test("asks twice on the terminal, without an echo")
  func terminal() throws {
    let session = try TerminalSession(Desk.tool, ["keygen", "--encrypt", "-o", "key.pem"], in: desk.directory)
    try session.expect("New passphrase for key.pem: ")
    try session.type("s3cr\u{7f}ret\r")
    try session.expect("Once more: ")
    try session.type("s3cret\r")
    let (status, output) = try session.end()
    #expect(status == 0)
    #expect(!output.contains("s3c"))
    let decrypted = try run(
      "openssl", ["pkey", "-in", "key.pem", "-passin", "stdin", "-noout"], stdin: "s3cret\n", directory: desk.directory)
    #expect(decrypted.status == 0)
  }

  @Test("makes no key when the two passphrases differ, or the user gives up", arguments: ["other\r", "\u{3}", "\u{4}"])
  func mistyped(second: String) throws {
    let session = try TerminalSession(Desk.tool, ["keygen", "--encrypt", "-o", "key.pem"], in: desk.directory)
    try session.expect("New passphrase for key.pem: ")
    try session.type("s3cret\r")
    try session.expect("Once more: ")
    try session.type(second)
    let (status, output) = try session.end()
    #expect(status == 1)
    #expect(output.contains(second == "other\r" ? "the two passphrases differ" : "cancelled"))
    #expect(try desk.contents().isEmpty)
  }
}
