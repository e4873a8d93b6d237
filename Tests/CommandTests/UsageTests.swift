import DeviceSupport
import Testing

@Suite("The command line")
struct UsageTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
  }

  @Test("tells its version, and helps, on standard output")
  func information() throws {
    let version = try desk.husk("--version")
    #expect(version.stdout == "0.4.0\n")
    #expect(version.status == 0)
    let help = try desk.husk("--help")
    #expect(help.status == 0)
    #expect(help.stderr == "")
    for verb in ["keygen", "certify", "vault", "device", "module", "pack", "grant", "inspect", "verify", "lint", "sim"]
    {
      #expect(help.stdout.contains("\n  \(verb) "))
    }
  }

  @Test(
    "has an example for every verb",
    arguments: [
      "keygen", "certify", "vault create", "vault info", "vault trust add", "vault trust list", "vault trust remove",
      "vault log", "vault head", "vault check", "vault backup", "vault rotate-key", "vault clock", "vault export",
      "vault import", "device add",
      "device import", "device list", "device show", "device find", "device tag", "device untag", "device status",
      "module list", "module rotate", "pack", "grant issue", "grant extract", "inspect", "verify",
      "lint", "sim", "sim create", "sim install", "sim identity", "sim boot", "sim status", "sim fuse",
    ])
  func examples(verb: String) throws {
    let help = try desk.husk(verb.split(separator: " ").map(String.init) + ["--help"])
    #expect(help.status == 0)
    #expect(help.stdout.contains("Example"))
    #expect(help.stdout.contains("husk \(verb)"))
  }

  @Test("names the verb whose help to read when it is misused")
  func misuse() throws {
    try desk.refuse(
      "pakc", error: "Unexpected argument 'pakc'", hint: "husk --help tells how it is meant", status: 2)
    try desk.refuse(
      "sim", "instal", error: "Unexpected argument 'instal'", hint: "husk sim --help tells how it is meant", status: 2)
    try desk.refuse(
      "keygen", error: "Missing expected argument '--output <name.pem>'",
      hint: "husk keygen --help tells how it is meant", status: 2)
    try desk.refuse(
      "keygen", "--type", "rsa", "-o", "x",
      error: "The value 'rsa' is invalid for '--type <type>'. Please provide one of 'ed25519', 'p256' or 'x25519'.",
      hint: "husk keygen --help tells how it is meant", status: 2)
  }
}
