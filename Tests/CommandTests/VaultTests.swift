import Cryptography
import DICE
import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HuskFormat
import Testing
import Vault

@Suite("husk vault")
struct VaultCommandTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.pack()
  }

  @Test("makes a vault with a key file of its own, and neither over a file that exists")
  func create() throws {
    #expect(try desk.permissions("acme.vault") == 0o600)
    #expect(try desk.permissions("vault.key") == 0o600)
    #expect(String(decoding: try desk.read("vault.key"), as: UTF8.self).hasPrefix("-----BEGIN HUSK VAULT KEY-----\n"))
    try desk.refuse("vault", "create", "acme.vault", "--vault-key", "new.key", error: "acme.vault: already exists")
    try desk.refuse("vault", "create", "new.vault", "--vault-key", "vault.key", error: "vault.key: already exists")
    try desk.refuse(
      "vault", "create", "new.vault", "--vault-key", "missing/new.key",
      error: "missing/new.key: the directory to write to doesn't exist")
  }

  @Test("is unlocked by a passphrase, which is asked for twice at first, and refused when it is wrong")
  func passphrase() throws {
    #expect(
      try desk.husk(["vault", "create", "p.vault", "--passphrase-fd", "7"], passphrases: "correct horse\n").status == 0)
    let trust = ["vault", "trust", "add", "p.vault", "--loader", String(repeating: "ab", count: 64)]
    #expect(try desk.husk(trust + ["--passphrase-fd", "7"], passphrases: "correct horse\n").stderr == "")
    try desk.refuse(
      "vault", "trust", "add", "p.vault", "--loader", String(repeating: "cd", count: 64), "--passphrase-fd", "7",
      error: "p.vault: the passphrase is wrong", passphrases: "correct horsf\n")
    try desk.refuse(
      "vault", "trust", "add", "p.vault", "--loader", String(repeating: "cd", count: 64), "--vault-key", "vault.key",
      error: "vault.key: a passphrase unlocks this vault, not a key")
    try desk.refuse(
      "vault", "trust", "add", "acme.vault", "--loader", String(repeating: "cd", count: 64), "--passphrase-fd", "7",
      error: "acme.vault: a key unlocks this vault", hint: "name its file with --vault-key", passphrases: "x\n")
    #expect(try desk.report("vault", "info", "p.vault")["unlockedBy"] as? String == "passphrase")

    let session = try TerminalSession(Desk.tool, ["vault", "create", "t.vault"], in: desk.directory)
    try session.expect("New passphrase for t.vault: ")
    try session.type("one\r")
    try session.expect("Once more: ")
    try session.type("two\r")
    #expect(try session.end().status == 1)
    #expect(!FileManager.default.fileExists(atPath: desk.directory.appending(path: "t.vault").path))
  }

  @Test("takes its key from a descriptor, as bytes or as a key file's text")
  func descriptor() throws {
    let key = String(decoding: try desk.read("vault.key"), as: UTF8.self)
    #expect(
      try desk.husk(["module", "rotate", "acme.vault", "com.acme.codec", "--vault-key-fd", "7"], passphrases: key)
        .status
        == 0)
    let raw = "0123456789abcdef0123456789abcdef"
    #expect(
      try desk.husk(["vault", "create", "raw.vault", "--vault-key-fd", "7"], passphrases: raw).stderr == "")
    let words = ["vault", "trust", "add", "raw.vault", "--loader", String(repeating: "ab", count: 64)]
    #expect(try desk.husk(words + ["--vault-key-fd", "7"], passphrases: raw).status == 0)
    try desk.refuse(
      "module", "rotate", "acme.vault", "com.acme.codec", "--vault-key-fd", "7",
      error: "descriptor 7: this is no PEM key file, not a vault's key",
      hint: "husk vault create wrote it, or the vault is unlocked by a passphrase", passphrases: raw + "0")
    try desk.refuse(
      "module", "rotate", "acme.vault", "com.acme.codec", "--vault-key-fd", "7",
      error: "acme.vault: not the key that unlocks this vault", passphrases: raw)
  }

  @Test("takes measurements from stage packages that verify under a trusted boot root, and no others")
  func stages() throws {
    var package = PackageFixture.stage(.bootLoader)
    try desk.write("loader.husk", package.file())
    try desk.write("platform.pub", TestKey.bootRoot.publicKey.pem())
    try desk.refuse(
      "vault", "trust", "add", "acme.vault", "--stage", "loader.husk", "--vault-key", "vault.key",
      error: "loader.husk: it was certified under a root that isn't trusted (untrusted-root)")
    try desk.make(
      "vault", "trust", "add", "acme.vault", "--stage", "loader.husk", "--boot-root", "platform.pub", "--vault-key",
      "vault.key")
    let trust = try #require(try desk.report("vault", "trust", "list", "acme.vault")["trust"] as? [[String: Any]])
    #expect(trust.map { $0["kind"] as? String } == ["boot root", "bootloader"])
    try desk.write("payload", package.payload)
    let expected = try run("sha512sum", ["payload"], directory: desk.directory).stdout.prefix(128)
    #expect(trust.last?["value"] as? String == String(expected))
    #expect(trust.last?["label"] as? String == "org.platform.stage 2.0.1")

    var damaged = try package.file()
    damaged[damaged.count - 5] ^= 1
    try desk.write("damaged.husk", damaged)
    package = PackageFixture.stage(.bootFirmware)
    try desk.write("firmware.husk", package.file())
    for (file, error) in [
      ("damaged.husk", "damaged.husk: the payload isn't what was signed (digest-mismatch)"),
      ("firmware.husk", "firmware.husk: the manifest is another kind of object than belongs here (role-mismatch)"),
    ] {
      try desk.refuse(
        "vault", "trust", "add", "acme.vault", "--stage", file, "--vault-key", "vault.key", error: error)
    }
  }

  @Test("tells what matters, to people and to programs")
  func info() throws {
    try desk.addDevice()
    let info = try desk.report("vault", "info", "acme.vault")
    #expect(info["devices"] as? Int == 1)
    #expect((info["devicesByStatus"] as? [String: Any])?["active"] as? Int == 1)
    let modules = try #require(info["module"] as? [[String: Any]])
    #expect(modules.first?["name"] as? String == "com.acme.codec")
    let latest = try #require(info["latestEvent"] as? [[String: Any]])
    #expect(latest.first?["action"] as? String == "devices-added")
    #expect(latest.count == 5)
    let text = try desk.husk("vault", "info", "acme.vault").stdout
    for words in ["\n  com.acme.codec  epoch 1, begun 20", ", 1 package, 0 grants\n", "active  1", "  devices-added: "]
    { #expect(text.contains(words)) }
  }

  @Test("rotates its key, to a file, a passphrase or a descriptor")
  func rotateKey() throws {
    let device = try desk.addDevice()
    try desk.make("vault", "rotate-key", "acme.vault", "--vault-key", "vault.key", "--new-vault-key", "two.key")
    try desk.refuse(
      "module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key",
      error: "vault.key: not the key that unlocks this vault")
    #expect(try desk.husk("module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "two.key").status == 0)
    #expect(
      try desk.husk(
        ["vault", "rotate-key", "acme.vault", "--vault-key", "two.key", "--passphrase-fd", "7"], passphrases: "new\n"
      ).stderr == "")
    #expect(
      try desk.husk(
        ["device", "status", "acme.vault", "recalled", device, "--why", "hot", "--passphrase-fd", "7"],
        passphrases: "new\n"
      ).stderr == "")
    let check = try desk.husk(
      ["vault", "check", "acme.vault", "--unlock", "--passphrase-fd", "7"], passphrases: "new\n")
    #expect(check.status == 0)
    #expect(check.stdout.contains("unlocked  yes"))
  }

  @Test("checks itself, says what is damaged, and then ends with 1")
  func check() throws {
    try desk.addDevice()
    let sound = try desk.report("vault", "check", "acme.vault", "--vault-key", "vault.key")
    #expect(sound["sound"] as? Bool == true)
    try edit("UPDATE devices SET status = 5")
    let outcome = try desk.husk("vault", "check", "acme.vault", "--vault-key", "vault.key")
    #expect(outcome.status == 1)
    #expect(outcome.stdout.contains("its record was not made with the vault's key"))
    #expect(outcome.stdout.contains("sound     no"))
    let report = try desk.report("vault", "check", "acme.vault", "--vault-key", "vault.key")
    #expect((report["findings"] as? [[String: Any]])?.first?["part"] as? String == "a device")
  }

  @Test("isn't used once it holds a trigger that isn't Husk's")
  func altered() throws {
    let device = try desk.addDevice()
    try edit("CREATE TRIGGER undo AFTER UPDATE ON devices BEGIN UPDATE devices SET status = 1; END")
    try desk.refuse(
      "device", "status", "acme.vault", "suspended", device, "--why", "stolen", "--vault-key", "vault.key",
      error: "acme.vault: the vault was altered: its trigger undo isn't as Husk makes it",
      hint: "somebody who can write the file did that: use a husk vault backup of before")
    let check = try desk.husk("vault", "check", "acme.vault")
    #expect(check.status == 1)
    #expect(check.stderr.contains("the vault was altered: its trigger undo"))
  }

  @Test("signs the head of its log, which shows later that nothing before it is missing")
  func head() throws {
    try desk.make("vault", "head", "acme.vault", "--key", "acme.pem", "-o", "one.head")
    let report = try desk.report("inspect", "one.head")
    #expect(report["kind"] as? String == "log head")
    #expect(report["events"] as? Int == 3)
    #expect(try desk.husk("module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key").status == 0)
    let check = ["vault", "check", "acme.vault", "--head", "one.head", "--head-key"]
    #expect(try desk.husk(check + ["acme.pub"]).status == 0)
    try desk.refuse(
      "vault", "check", "acme.vault", "--head", "one.head", "--head-key", "root.pub",
      error: "one.head: the signature of the log's head doesn't verify (signature-invalid)")
    let trigger = try DatabaseQueue(path: desk.directory.appending(path: "acme.vault").path).read {
      try String.fetchOne($0, sql: "SELECT sql FROM sqlite_schema WHERE name = 'events_last'")
    }
    try edit("DROP TRIGGER events_last", "DELETE FROM events WHERE number >= 3", #require(trigger))
    let outcome = try desk.husk(check + ["acme.pub"])
    #expect(outcome.status == 1)
    #expect(outcome.stdout.contains("the log: the log ends at event 2, but had 3 once"))
    let log = try desk.husk("vault", "log", "acme.vault").stdout
    #expect(log.split(separator: "\n").count == 2)
    #expect(log.contains("module-begun: module com.acme.codec"))
  }

  @Test("is backed up whole")
  func backup() throws {
    try desk.make("vault", "backup", "acme.vault", "-o", "copy.vault")
    #expect(try desk.husk("vault", "check", "copy.vault", "--vault-key", "vault.key").status == 0)
    #expect(
      try desk.husk("vault", "log", "copy.vault").stdout == desk.husk("vault", "log", "acme.vault").stdout)
    try desk.refuse("vault", "backup", "acme.vault", "-o", "copy.vault", error: "copy.vault: already exists")
  }

  @Test("goes to another vault as an export, in which nothing is secret; doing it again changes nothing")
  func exchange() throws {
    let device = try desk.addDevice()
    let status = ["device", "status", "acme.vault", "recalled", device, "--why", "hot", "--vault-key", "vault.key"]
    #expect(try desk.husk(status).status == 0)
    try desk.make("vault", "export", "acme.vault", "-o", "public.export")
    try desk.make(
      "vault", "export", "acme.vault", "-o", "keys.export", "--content-keys", "--recipient", "receiver.pub", "--key",
      "acme.pem", "--vault-key", "vault.key")
    try desk.make("vault", "create", "two.vault", "--vault-key", "two.key")
    try desk.refuse(
      "vault", "import", "two.vault", "acme.chain", "--vault-key", "two.key",
      error: "acme.chain: not a vault's export, or not all of one")
    // What the other vault doesn't trust isn't taken from an export either.
    let untrusted = try desk.husk("vault", "import", "two.vault", "public.export", "--vault-key", "two.key")
    #expect(untrusted.status == 1)
    #expect(untrusted.stdout.contains("refused: it was certified under a root that isn't trusted"))
    let layers = IdentityFixture().layers.map { $0.inputs.code.map { String(format: "%02x", $0) }.joined() }
    try desk.make(
      "vault", "trust", "add", "two.vault", "--vault-key", "two.key", "--device-root", "silicon.pub", "--boot-root",
      "root.pub", "--loader", layers[0], "--decryptor", layers[1])

    let words = [
      "vault", "import", "two.vault", "keys.export", "--vault-key", "two.key", "--recipient", "receiver.pem",
      "--signer",
    ]
    let unsigned = try report(["vault", "import", "two.vault", "public.export", "--vault-key", "two.key"])
    #expect(unsigned["added"] as? Int == 1)
    #expect(unsigned["signed"] as? Bool == false)
    #expect(unsigned["statusesLeftOut"] as? Int == 1)
    #expect(try desk.report("device", "show", "two.vault", device)["status"] as? String == "active")
    let known = try desk.husk("vault", "import", "two.vault", "public.export", "--vault-key", "two.key")
    #expect(known.stdout.contains("not asked for: identities alone were taken; --signer takes the rest"))
    for (file, signer) in [("keys.export", "root.pub"), ("public.export", "acme.pub")] {
      try desk.refuse(
        "vault", "import", "two.vault", file, "--vault-key", "two.key", "--signer", signer,
        error: "\(file): not signed by --signer's key (signature-invalid)",
        hint: "husk vault export --key signs; without --signer, identities alone are taken")
    }
    // Signed, and for who has no recipient's key.
    try desk.make("vault", "export", "acme.vault", "-o", "signed.export", "--key", "acme.pem")
    let signed = try report([
      "vault", "import", "two.vault", "keys.export", "--vault-key", "two.key", "--signer", "acme.pub",
    ])
    #expect(signed["contentKeysLeftOut"] as? Int == 1)
    #expect(signed["signed"] as? Bool == true)
    #expect(
      try report(["vault", "import", "two.vault", "signed.export", "--vault-key", "two.key", "--signer", "acme.pub"])[
        "known"] as? Int == 1)
    #expect(try report(words + ["acme.pub"])["contentKeys"] as? Int == 1)
    let again = try report(words + ["acme.pub"])
    #expect(again["known"] as? Int == 1)
    #expect(again["contentKeys"] as? Int == 0)
    #expect(try desk.report("device", "show", "two.vault", device)["status"] as? String == "recalled")
    #expect(try desk.husk("vault", "check", "two.vault", "--vault-key", "two.key").status == 0)
    // The content key is the same: what one vault packed, the other can grant.
    let rotated = try desk.husk("module", "list", "two.vault").stdout
    #expect(rotated.contains("com.acme.codec"))

    let whole = try desk.read("public.export")
    for count in stride(from: 0, to: whole.count, by: 97) {
      try desk.write("cut.export", whole[..<count])
      #expect(try desk.husk("vault", "import", "two.vault", "cut.export", "--vault-key", "two.key").status == 1)
    }
    var altered = whole
    altered[whole.count / 2] ^= 1
    try desk.write("altered.export", altered)
    try desk.refuse(
      "vault", "import", "two.vault", "altered.export", "--vault-key", "two.key",
      error: "altered.export: not a vault's export, or not all of one")
  }

  @Test("refuses a clock that was set back, until somebody says that it is right")
  func clock() throws {
    let future = UInt64(Date().timeIntervalSince1970) + 30 * 86_400
    try Vault(desk.directory.appending(path: "acme.vault").path).acceptClock(on: Occasion(now: future, who: "x"))
    let words = ["module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key"]
    let refused = try desk.husk(words)
    #expect(refused.status == 1)
    #expect(refused.stderr.hasPrefix("husk: error: acme.vault: the clock says "))
    #expect(refused.stderr.contains("husk: hint: set the clock; if it is right now, husk vault clock --accept"))
    #expect(try desk.husk("vault", "check", "acme.vault", "--vault-key", "vault.key").status == 0)
    try desk.make("vault", "clock", "acme.vault", "--accept")
    #expect(try desk.husk(words).status == 0)
  }

  private func report(_ words: [String]) throws -> [String: Any] {
    let outcome = try desk.husk(words + ["--json"])
    let object = try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8))
    return try #require(object as? [String: Any], "\(outcome.stderr)")
  }

  private func edit(_ statements: String...) throws {
    try DatabaseQueue(path: desk.directory.appending(path: "acme.vault").path).writeWithoutTransaction { database in
      for statement in statements { try database.execute(sql: statement) }
    }
  }
}
