import Cryptography
import Foundation
import DeviceSupport
import Testing

@Suite("husk inspect and husk verify")
struct InspectVerifyTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.pack()
    let device = try desk.addDevice()
    let granted = try desk.husk(
      "grant", "--vault", "acme.vault", "--vault-key", "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
      "--module", "com.acme.codec", "--device", device, "-o", "unit.grant")
    try #require(granted.status == 0)
  }

  @Test(
    "show every kind of file, and that nothing was verified",
    arguments: [
      ("codec.husk", "package"), ("unit.grant", "grant"), ("acme.chain", "chain"), ("unit.identity", "identity"),
    ])
  func kinds(file: String, kind: String) throws {
    let report = try desk.report("inspect", file)
    #expect(report["kind"] as? String == kind)
    #expect(report["verified"] as? Bool == false)
    #expect(try desk.husk("inspect", file).stdout.contains("verified"))
  }

  @Test("show the thumbprint of a public key, and nothing of a private one")
  func keys() throws {
    let report = try desk.report("inspect", "acme.pub")
    let chain = try desk.husk("inspect", "acme.chain").stdout
    #expect(chain.contains(try #require(report["thumbprint"] as? String)))
    #expect(try desk.report("inspect", "receiver.pub")["type"] as? String == "X25519")
    try desk.refuse(
      "inspect", "acme.pem", error: "acme.pem: this is a private key, not a public key",
      hint: "keygen wrote the public half beside it, with the suffix .pub")
  }

  @Test("accept what is whole, silently if asked to")
  func verifies() throws {
    #expect(try desk.husk("verify", "unit.identity", "--root", "silicon.pub", "--boot-root", "root.pub").status == 0)
    for file in ["codec.husk", "unit.grant", "acme.chain"] {
      let quiet = try desk.husk("verify", "-q", file, "--root", "root.pub")
      #expect(quiet.status == 0)
      #expect(quiet.stdout + quiet.stderr == "")
      #expect(try desk.report("verify", file, "--root", "root.pub")["ok"] as? Bool == true)
    }
  }

  @Test("refuse a package with any byte of its payload changed, missing or added")
  func payload() throws {
    let package = try desk.read("codec.husk")
    var flipped = package
    flipped[package.count - 100] ^= 1
    try desk.write("bad.husk", flipped)
    try desk.refuse(
      "verify", "bad.husk", "--root", "root.pub",
      error: "bad.husk: the payload isn't what was signed (digest-mismatch)")
    for other in [Array(package.dropLast()), package + [0]] {
      try desk.write("bad.husk", other)
      try desk.refuse(
        "verify", "bad.husk", "--root", "root.pub",
        error: "bad.husk: the file doesn't end where its payload should (size-mismatch)")
      #expect(try desk.report("inspect", "bad.husk")["payloadComplete"] as? Bool == false)
    }
    #expect(try desk.report("verify", "bad.husk", "--root", "root.pub")["errorClass"] as? String == "size-mismatch")
  }

  @Test("refuse a changed signature")
  func signature() throws {
    var grant = try desk.read("unit.grant")
    grant[grant.count - 1] ^= 1
    try desk.write("bad.grant", grant)
    try desk.refuse(
      "verify", "bad.grant", "--root", "root.pub",
      error: "bad.grant: the signature of the grant doesn't verify (signature-invalid)")
  }

  @Test("need the boot roots for an identity")
  func identity() throws {
    try desk.refuse(
      "verify", "unit.identity", "--root", "silicon.pub", error: "an identity needs --boot-root <boot-root.pub>",
      hint: "husk verify --help tells how it is meant", status: 2)
    try desk.refuse(
      "verify", "unit.identity", "--root", "root.pub", "--boot-root", "root.pub",
      error: "unit.identity: it was certified under a root that isn't trusted (untrusted-root)")
  }

  @Test("say of a file that is larger than its kind may be that it is, in JSON too")
  func tooLarge() throws {
    for (file, part) in [("unit.grant", "grant"), ("acme.chain", "chain"), ("unit.identity", "identity")] {
      try desk.write("large", desk.read(file) + [UInt8](repeating: 0, count: 300_000))
      for words in [["inspect", "large"], ["verify", "large", "--root", "root.pub", "--boot-root", "root.pub"]] {
        let outcome = try desk.husk(words)
        #expect(outcome.status == 1)
        #expect(outcome.stderr.hasPrefix("husk: error: large: "))
        #expect(outcome.stderr.contains("\(part) is larger than is allowed"))
        #expect(try desk.report(words)["errorClass"] as? String == "limit-exceeded")
      }
    }
  }

  @Test("say of other files what they aren't")
  func otherFiles() throws {
    try desk.write("empty", [])
    try desk.write("text", "hello\n".utf8)
    for (file, error, hint) in [
      ("missing", "missing: no such file or directory", nil), ("empty", "empty: is empty", nil),
      ("text", "text: not a Husk file", nil), (".", ".: is a directory", nil),
      ("codec.so", "codec.so: not a Husk file", "husk lint examines shared objects"),
    ] { try desk.refuse("inspect", file, error: error, hint: hint) }
    try desk.refuse(
      "verify", "text", "--root", "root.pub", error: "text: not a Husk file of the expected kind (malformed)",
      hint: "husk inspect tells what a file is")
  }

  @Test("say of a cut-off file in which part and where it ends, and show what is there")
  func cutOff() throws {
    for file in ["codec.husk", "unit.grant", "acme.chain", "unit.identity"] {
      let bytes = try desk.read(file)
      for part in 1..<12 {
        try desk.write("cut", bytes.prefix(14 + (bytes.count - 14) * part / 13))
        for words in [["inspect", "cut"], ["verify", "cut", "--root", "root.pub", "--boot-root", "root.pub"]] {
          let outcome = try desk.husk(words)
          // A package that is cut off in its payload can still be shown.
          if outcome.status == 0, file == "codec.husk", words[0] == "inspect" { continue }
          #expect(outcome.status == 1)
          #expect(outcome.stderr.hasPrefix("husk: error: cut: "))
          #expect(outcome.stderr.split(separator: "\n").count == 1)
        }
      }
    }
    let bytes = try desk.read("unit.grant")
    try desk.write("cut", bytes.prefix(100))
    let report = try desk.report("inspect", "cut")
    #expect(report["errorClass"] as? String == "malformed")
    #expect(report["part"] as? String == "certificate 1 of the chain")
    #expect(report["encoding"] as? String == "the data ends inside an item, at byte \(try #require(report["byte"]))")
    #expect((report["readable"] as? String)?.hasPrefix("55799(1215656775([[{1: 1, -1: 6, -2: h'") == true)
  }

  @Test("don't stumble over any single changed byte")
  func changedBytes() throws {
    let bytes = try desk.read("unit.grant")
    for index in stride(from: 0, to: bytes.count, by: 17) {
      var changed = bytes
      changed[index] = ~changed[index]
      try desk.write("changed", changed)
      let outcome = try desk.husk("inspect", "changed")
      #expect(outcome.status == 0 || outcome.status == 1)
      let verified = try desk.husk("verify", "changed", "--root", "root.pub")
      #expect(verified.status == 1)
      #expect(verified.stderr.hasPrefix("husk: error: changed: "))
    }
  }
}
