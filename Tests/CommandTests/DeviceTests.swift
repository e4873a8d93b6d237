import COSE
import Cryptography
import DICE
import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HuskFormat
import Testing

@Suite("husk device")
struct DeviceCommandTests {
  private let desk: Desk
  private let identities: Identities

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.makeIdentity()
    try desk.trustFixtures()
    let root = try desk.read("root.pub")
    identities = try Identities(bootRoot: PublicKey(pem: root.span.bytes))
  }

  @Test("adds devices, all or none, and tells their ids")
  func add() throws {
    for name in ["A", "B"] { try desk.write("\(name).identity", identities.file(name)) }
    try desk.write("odd.identity", identities.file("C") { $0.signer = .stranger })
    let words = ["device", "add", "acme.vault", "--vault-key", "vault.key"]
    let before = try desk.husk("vault", "log", "acme.vault").stdout
    let refused = try desk.husk(words + ["A.identity", "odd.identity"])
    #expect(
      refused.stderr
        == "husk: error: odd.identity: the signature of the device-key certificate doesn't verify (signature-invalid)\n"
    )
    #expect(try desk.husk("device", "list", "acme.vault").stdout == "")
    #expect(try desk.husk("vault", "log", "acme.vault").stdout == before)
    let added = try desk.husk(words + ["A.identity", "B.identity", "--batch", "one", "--tag", "lab"])
    #expect(added.stdout == "\(try identities.id("A")) added\n\(try identities.id("B")) added\n")
    #expect(try desk.husk(words + ["A.identity"]).stdout == "\(try identities.id("A")) known\n")
    try desk.write("A2.identity", identities.file("A", keyEpoch: 3))
    #expect(try desk.husk(words + ["A2.identity"]).stdout == "\(try identities.id("A")) rekeyed\n")
    let rollback = try desk.husk(words + ["A.identity"])
    #expect(rollback.stderr == "husk: error: acme.vault: the device's key epoch is 2, but was 3 before (rollback)\n")

    let show = try desk.report("device", "show", "acme.vault", String(identities.id("A").prefix(12)))
    #expect(show["batch"] as? String == "one")
    #expect((show["identity"] as? [String: Any])?["keyEpoch"] as? Int == 3)
    #expect((show["formerIdentity"] as? [[String: Any]])?.count == 1)
    try desk.make("device", "show", "acme.vault", identities.id("A"), "-o", "out.identity")
    #expect(try desk.read("out.identity") == identities.file("A", keyEpoch: 3))
  }

  @Test("imports any number from one file, with rejects told by number and place, and goes on")
  func importing() throws {
    let files = try (0..<30).map { try identities.file("device \($0)") }
    let odd = try identities.file("odd") { $0.silicon.root = .stranger }
    let junk = [UInt8](repeating: 0xff, count: 100)
    // Well-formed items, some of them Husk's own, and others that aren't, are one thing: what isn't an identity.
    let foreign = try [UInt8](repeating: 0, count: 5000) + desk.read("acme.chain") + junk
    let parts = Array(files[..<10]) + [odd] + Array(files[10..<20]) + [foreign] + Array(files[20...]) + [[0x01]]
    let offsets = parts.indices.map { parts[..<$0].reduce(0) { $0 + $1.count } }
    try desk.write("all.identities", parts.flatMap(\.self))
    let outcome = try importFile("all.identities")
    #expect(outcome.status == 1)
    #expect(outcome.stderr == "")
    #expect(
      outcome.stdout == """
        refused 10 at byte \(offsets[10]): it was certified under a root that isn't trusted (untrusted-root)
        refused 21 at byte \(offsets[21]): \(foreign.count) bytes that hold no identity (malformed)
        refused 32 at byte \(offsets[32]): 1 bytes that hold no identity (malformed)
        added 30, refused 3

        """)
    #expect(try list().count == 30)
    let log = try desk.husk("vault", "log", "acme.vault").stdout
    #expect(try importFile("all.identities").stdout.hasSuffix("added 0, known 30, refused 3\n"))
    #expect(try desk.husk("vault", "log", "acme.vault").stdout == log)
    #expect(try desk.husk("vault", "check", "acme.vault", "--vault-key", "vault.key").status == 0)
    let json = try importFile("all.identities", "--json").stdout.split(separator: "\n")
    #expect(json.count == 4)
    #expect(json[0].contains(#""errorClass":"untrusted-root""#))
    #expect(json[1].contains(#""bytes":\#(foreign.count),"errorClass":"malformed""#))
    #expect(json[3] == #"{"added":0,"updated":0,"rekeyed":0,"known":30,"refused":3}"#)
  }

  @Test("stops with --strict at the first that is refused, and keeps what came before")
  func strict() throws {
    let odd = try identities.file("odd") { $0.silicon.root = .stranger }
    let parts = try [identities.file("A"), identities.file("B"), odd, identities.file("C")]
    try desk.write("all.identities", parts.flatMap(\.self))
    let outcome = try importFile("all.identities", "--strict")
    #expect(outcome.status == 1)
    #expect(outcome.stdout.hasSuffix("added 2, refused 1\n"))
    #expect(try list().count == 2)
    // What the vault itself refuses stops it as well.
    try desk.write("old.identities", identities.file("A", keyEpoch: 1) + identities.file("D"))
    #expect(try importFile("old.identities", "--strict").stdout.hasSuffix("added 0, refused 1\n"))
    #expect(try list().count == 2)
  }

  @Test("that come from standard input, or cut off")
  func truncated() throws {
    let file = try identities.file("A") + identities.file("B")
    let pipe = try run(
      "sh", ["-c", "cat all.identities | \(Desk.tool) device import acme.vault - --vault-key vault.key"],
      directory: desk.directory)
    // There is no such file yet, and so nothing comes.
    #expect(pipe.status == 1)
    #expect(pipe.stderr.hasSuffix("husk: error: standard input: is empty\n"))
    try desk.write("all.identities", file)
    let cut = Int(Double(file.count) * 0.75)
    try desk.write("cut.identities", file[..<cut])
    let outcome = try importFile("cut.identities")
    #expect(outcome.status == 1)
    #expect(outcome.stdout.hasSuffix("added 1, refused 1\n"))
    let whole = try run(
      "sh", ["-c", "cat all.identities | \(Desk.tool) device import acme.vault - --vault-key vault.key"],
      directory: desk.directory)
    #expect(whole.stdout == "added 1, known 1\n")
    #expect(whole.status == 0)
  }

  @Test("are listed for people, spreadsheets and programs")
  func listing() throws {
    try desk.write("all.identities", identities.file("A") + identities.file("B"))
    #expect(try importFile("all.identities", "--batch", "=1+1", "--tag", "a \"quoted\", tag").status == 0)
    let id = try identities.id("A")
    #expect(try list().first?.hasPrefix("\(id)  active  added ") == true)
    let csv = try desk.husk("device", "list", "acme.vault", "--csv").stdout.split(separator: "\n")
    #expect(csv.count == 3)
    #expect(csv[0] == "device,status,batch,tags,lifecycle,keyEpoch,loader,decryptor,added")
    #expect(csv[1].hasPrefix(#"\#(id),active,'=1+1,"a ""quoted"", tag",secured,2,"#))
    let lines = try desk.husk("device", "list", "acme.vault", "--json").stdout.split(separator: "\n")
    let first = try #require(try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
    #expect(first["device"] as? String == id)
    #expect(first["tags"] as? [String] == ["a \"quoted\", tag"])
    #expect(try desk.husk("device", "find", "acme.vault", String(id.prefix(8))).stdout.hasPrefix(id))
    try desk.refuse(
      "device", "find", "acme.vault", "00000000", error: "acme.vault: no device 00000000",
      hint: "a device is named by its id, or by how it begins")
    try desk.refuse("device", "list", "acme.vault", "--tag", "none", error: "acme.vault: no tag none")
  }

  @Test("change status and tags, one by one or all that are selected")
  func changes() throws {
    try desk.write("all.identities", (0..<5).flatMap { try identities.file("device \($0)") })
    #expect(try importFile("all.identities", "--batch", "one").status == 0)
    let id = try identities.id("device 3")
    let recalled = try desk.husk(
      "device", "status", "acme.vault", "recalled", id, "--why", "cracked", "--who", "Zoë", "--vault-key", "vault.key")
    #expect(recalled.stdout == "1 now recalled\n")
    let show = try desk.report("device", "show", "acme.vault", id)
    let change = try #require((show["statusChange"] as? [[String: Any]])?.first)
    #expect(change["who"] as? String == "Zoë")
    #expect(change["why"] as? String == "cracked")
    let tagging = ["device", "tag", "acme.vault", "lab", "--status", "active", "--vault-key", "vault.key"]
    #expect(try desk.husk(tagging).stdout == "4 tagged\n")
    #expect(try list("--tag", "lab").count == 4)
    #expect(
      try desk.husk(
        "device", "status", "acme.vault", "suspended", "--batch", "one", "--tag", "lab", "--why", "audit",
        "--vault-key", "vault.key"
      ).stdout == "4 now suspended\n")
    #expect(try list("--status", "suspended").count == 4)
    #expect(try desk.husk("device", "untag", "acme.vault", "lab", "--tag", "lab").stdout == "4 untagged\n")
    let misuse = try desk.husk("device", "status", "acme.vault", "active", "--why", "x", "--vault-key", "vault.key")
    #expect(misuse.status == 2)
    #expect(misuse.stderr.contains("which devices? Name them, or select them"))
  }

  private func importFile(_ file: String, _ words: String...) throws -> Outcome {
    try desk.husk(["device", "import", "acme.vault", file, "--vault-key", "vault.key"] + words)
  }

  private func list(_ words: String...) throws -> [Substring] {
    try desk.husk(["device", "list", "acme.vault"] + words).stdout.split(separator: "\n")
  }
}

/// Identities of devices that were started under a boot root.
struct Identities {
  private let bootRoot: [UInt8]

  init(bootRoot: PublicKey) throws {
    self.bootRoot = try COSEKey.thumbprint(bootRoot)
  }

  /// The identity file of the device of a name.
  func file(
    _ name: String, keyEpoch: UInt64 = 2, _ change: (inout IdentityFixture) -> Void = { _ in }
  ) throws -> [UInt8] {
    var fixture = try fixture(name)
    fixture.claims = DeviceKeyClaims(
      grantKey: TestGrantKey("\(name), epoch \(keyEpoch)").publicKey, lifecycle: .secured, keyEpoch: keyEpoch,
      generation: 0)
    change(&fixture)
    return try fixture.file()
  }

  func id(_ name: String) throws -> String {
    try fixture(name).silicon.links[1].key.thumbprint.map { String(format: "%02x", $0) }.joined()
  }

  private func fixture(_ name: String) throws -> IdentityFixture {
    var fixture = IdentityFixture()
    fixture.uds = bytes(named: "UDS of \(name)")
    let key = TestKey(try DICE.signingKey(from: secret(fixture.uds)))
    fixture.silicon.links[1] = LinkFixture(name, [.silicon], key: key)
    for (index, role) in [Role.bootLoader, .bootDecryptor].enumerated() {
      let old = fixture.layers[index].inputs
      fixture.layers[index].inputs = try #require(
        DICE.Inputs(
          code: old.code, configuration: old.configuration,
          authority: sealingAuthority(bootRoot: bootRoot, role: role), mode: .normal, hidden: old.hidden))
    }
    return fixture
  }
}
