import DICE
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import GRDB
import HuskFormat
import Testing
import Vault

@Suite("Devices in the vault")
struct DeviceTests {
  private let bench: Bench

  init() throws {
    bench = try Bench()
    try bench.trust()
  }

  @Test("are added once, with what they say of themselves")
  func add() throws {
    var terms = AdditionTerms()
    terms.batch = "2026-11"
    terms.tags = ["pilot", "eu"]
    let fixture = IdentityFixture("A")
    #expect(try bench.add(fixture, terms: terms) == [.added])
    #expect(try bench.add(fixture, terms: terms, at: now + 9) == [.known])
    let device = try #require(try bench.devices().first)
    let identity = try IdentityFile(fixture.file()).verify(by: .vendor).value
    #expect(device.deviceID == identity.deviceID)
    #expect(device.status == .active)
    #expect(device.batch == "2026-11")
    #expect(device.addedAt == now)
    #expect(device.identity.grantKey == identity.grantKey)
    #expect(device.identity.keyEpoch == 2)
    #expect(device.identity.lifecycle == .secured)
    #expect([device.identity.platform.loader, device.identity.platform.decryptor] == identity.measurements)
    let vault = try Vault(bench.path)
    #expect(try vault.tags(of: device) == ["eu", "pilot"])
    #expect(try vault.identityFile(of: device) == fixture.file())
    #expect(try bench.devices().count == 1)
    #expect(try bench.findings() == [])
  }

  /// Everything that SPEC 6.5 and 14.4 refuse, and how.
  static let refusals: [(String, @Sendable (inout IdentityFixture) -> Void, ErrorClass?)] = [
    ("silicon under another root", { $0.silicon.root = .stranger }, .untrustedRoot),
    ("silicon without the role", { $0.silicon.links[1].claims.roles = [.module] }, .chainInvalid),
    ("a bootloader's certificate by somebody else", { $0.layers[0].signer = .stranger }, .signatureInvalid),
    ("a decryptor's certificate by somebody else", { $0.layers[1].signer = .stranger }, .signatureInvalid),
    ("a device key by somebody else", { $0.signer = .stranger }, .signatureInvalid),
    (
      "a secure world under another boot root",
      { $0.layers[1] = LayerFixture("decryptor", .bootDecryptor, bootRoot: .stranger) }, .untrustedRoot
    ),
    (
      "debug mode that claims to be secured",
      { $0.layers[1] = LayerFixture("decryptor", .bootDecryptor, mode: .debug) }, .chainInvalid
    ),
    ("another bootloader", { $0.layers[0] = LayerFixture("odd", .bootLoader) }, nil),
    ("another decryptor", { $0.layers[1] = LayerFixture("odd", .bootDecryptor) }, nil),
  ]

  @Test("aren't added unless everything verifies and is on the list", arguments: refusals.indices)
  func refused(index: Int) throws {
    let (name, change, errorClass) = Self.refusals[index]
    var fixture = IdentityFixture("A")
    change(&fixture)
    let refusal = try #require(throws: IdentityRefusal.self, "\(name)") { try bench.add(fixture) }
    #expect(refusal.errorClass == errorClass, "\(name)")
    #expect(try bench.devices().isEmpty)
    #expect(try Vault(bench.path).eventCount() == 5)
  }

  @Test("must be in the life-cycle state that is wanted")
  func lifecycle() throws {
    let debug = IdentityFixture("A", lifecycle: .debug)
    #expect(throws: IdentityRefusal.wrongLifecycle(found: .debug, wanted: .secured)) { try bench.add(debug) }
    #expect(try bench.add(debug, lifecycle: .debug) == [.added])
  }

  @Test("that are trusted no longer when it comes to storing them aren't stored")
  func trustRemovedMeanwhile() throws {
    let (vault, key) = try bench.open()
    let verifier = IdentityVerifier(trust: try vault.trust(with: key), lifecycle: .secured, now: now)
    let verified = try verifier.verify(IdentityFixture("A").file())
    let removed = try vault.removeTrust(named: hexadecimal(TestKey.deviceRoot.thumbprint), on: .at(now))
    #expect(
      try vault.add([verified], AdditionTerms(), with: key, on: .at(now))
        == [.refused(.untrusted(.deviceRoot, removed.value))])
    #expect(try bench.devices().isEmpty)
  }

  @Test("bring new software once it is on the list, and keep what they had as history")
  func update() throws {
    try bench.add(IdentityFixture("A"))
    var updated = IdentityFixture("A")
    updated.layers[1] = LayerFixture("decryptor 2", .bootDecryptor)
    #expect(throws: IdentityRefusal.untrusted(.decryptor, updated.layers[1].inputs.code)) { try bench.add(updated) }
    try bench.trust(updated)
    #expect(try bench.add(updated, at: now + 5) == [.updated])
    let device = try #require(try bench.devices().first)
    #expect(device.identity.platform.decryptor == updated.layers[1].inputs.code)
    let former = try Vault(bench.path).formerIdentities(of: device)
    #expect(former.map(\.addedAt) == [now])
    #expect(former.map(\.platform.decryptor) == [IdentityFixture().layers[1].inputs.code])
    // The former identity, presented once more, changes nothing: a file of identities may hold both.
    #expect(try bench.add(IdentityFixture("A"), updated, IdentityFixture("A")) == [.known, .known, .known])
    #expect(try bench.devices() == [device])
  }

  @Test("that return to former software are taken back once the newer isn't trusted any more")
  func downgrade() throws {
    var updated = IdentityFixture("A")
    updated.layers[1] = LayerFixture("decryptor 2", .bootDecryptor)
    try bench.trust(updated)
    try bench.add(IdentityFixture("A"))
    try bench.add(updated)
    _ = try Vault(bench.path).removeTrust(named: hexadecimal(updated.layers[1].inputs.code), on: .at(now))
    #expect(throws: VaultError.untrusted(.decryptor, updated.layers[1].inputs.code)) { try bench.recipient() }
    #expect(try bench.add(IdentityFixture("A")) == [.updated])
    try bench.recipient()
  }

  @Test("that were re-keyed get nothing for their former key, and can't go back to it")
  func rekey() throws {
    try bench.add(IdentityFixture("A"))
    let former = try bench.recipient()
    #expect(try bench.grant() == 1)
    // What was made for the former key just before isn't recorded, and so never goes out.
    var outcomes: [AdditionOutcome] = []
    let number = try bench.grant(meanwhile: { outcomes = try bench.add(IdentityFixture("A", keyEpoch: 3)) })
    #expect(number == nil)
    #expect(outcomes == [.rekeyed])
    #expect(
      try bench.add(IdentityFixture("A")) == [.refused(.rollback(known: 3, found: 2))])
    let recipient = try bench.recipient()
    #expect(recipient.grantKey == TestGrantKey("A, epoch 3").publicKey)
    #expect(recipient.deviceID == former.deviceID)
    #expect(try bench.grant() == 2)
    let grants = try Vault(bench.path).grants(of: bench.devices()[0])
    #expect(grants.map(\.isForCurrentKey) == [false, true])
  }

  @Test("that lost their storage have a higher generation, and don't go back to a lower one in their key epoch")
  func generation() throws {
    var later = IdentityFixture("A")
    later.claims = DeviceKeyClaims(
      grantKey: TestGrantKey("A, generation 5").publicKey, lifecycle: .secured, keyEpoch: 2, generation: 5)
    try bench.add(IdentityFixture("A"))
    #expect(try bench.add(later) == [.rekeyed])
    #expect(try bench.devices()[0].identity.generation == 5)
    #expect(try bench.add(IdentityFixture("A")) == [.refused(.staleGeneration(known: 5, found: 0))])
    #expect(try bench.recipient().grantKey == TestGrantKey("A, generation 5").publicKey)
    #expect(try bench.add(IdentityFixture("A", keyEpoch: 3)) == [.rekeyed])
    #expect(try bench.findings() == [])
    try bench.edit("UPDATE identities SET generation = 4 WHERE id = 3")
    #expect(throws: VaultError.foreignRecord(.device)) { try bench.recipient() }
  }

  @Test("known by a record that somebody else made aren't sealed anew by their identity")
  func laundering() throws {
    try bench.add(IdentityFixture("A"))
    try bench.edit("UPDATE devices SET status = 5")
    #expect(throws: VaultError.foreignRecord(.device)) { try bench.add(IdentityFixture("A", keyEpoch: 3)) }
    #expect(throws: VaultError.foreignRecord(.device)) {
      let (vault, key) = try bench.open()
      _ = try vault.setStatus(.active, of: bench.devices(), selectedBy: nil, why: "", with: key, on: .at(now))
    }
  }

  @Test("are found by how their ids begin")
  func find() throws {
    try bench.add((0..<40).map { try IdentityFixture("device \($0)").file() })
    let vault = try Vault(bench.path)
    for device in try bench.devices() {
      let id = hexadecimal(device.deviceID)
      for length in [7, 8, 63, 64] { #expect(try vault.device(String(id.prefix(length))) == device) }
      #expect(try vault.device(id.uppercased()) == device)
      #expect(throws: VaultError.noSuchDevice(id + "0")) { try vault.device(id + "0") }
    }
    for name in ["", "xyz", "0x12", "é"] { #expect(throws: VaultError.noSuchDevice(name)) { try vault.device(name) } }
    // 40 ids share 16 first digits.
    let shared = try #require(
      "0123456789abcdef".first { digit in
        (try? bench.devices().filter { hexadecimal($0.deviceID).first == digit }.count) ?? 0 > 1
      })
    #expect(throws: VaultError.ambiguousDevice(String(shared))) { try vault.device(String(shared)) }
  }

  @Test("come page by page, and are selected by status, batch and tag together")
  func selection() throws {
    let (vault, key) = try bench.open()
    for batch in ["one", "two"] {
      var terms = AdditionTerms()
      terms.batch = batch
      try bench.add((0..<5).map { try IdentityFixture("\(batch) \($0)").file() }, terms: terms)
    }
    let all = try bench.devices()
    #expect(all.count == 10)
    #expect(try vault.devices(DeviceSelection(), after: all[3].row, limit: 2) == Array(all[4...5]))
    #expect(
      try vault.setStatus(
        .recalled, of: [all[0], all[1], all[7]], selectedBy: nil, why: "hot", with: key, on: .at(now)) == 3)
    #expect(try vault.tag([all[1], all[2], all[7]], as: "lab", selectedBy: nil, with: key, on: .at(now)) == 3)
    #expect(try vault.tag([all[1]], as: "lab", selectedBy: nil, with: key, on: .at(now)) == 0)
    var selection = DeviceSelection()
    selection.statuses = [.recalled]
    #expect(try bench.devices(selection).map(\.row) == [all[0], all[1], all[7]].map(\.row))
    selection.batch = "one"
    #expect(try bench.devices(selection).map(\.row) == [all[0], all[1]].map(\.row))
    selection.tag = "lab"
    #expect(try bench.devices(selection).map(\.row) == [all[1].row])
    #expect(try vault.deviceCount(selection) == 1)
    #expect(try vault.untag(all, as: "lab", on: .at(now)) == 3)
    #expect(try bench.devices(selection).isEmpty)
    selection.tag = "none"
    #expect(throws: VaultError.noSuchTag("none")) { try bench.devices(selection) }
    selection.batch = "none"
    #expect(throws: VaultError.noSuchBatch("none")) { try bench.devices(selection) }
    #expect(try vault.deviceCounts().map(\.count) == [7, 3])
    #expect(try bench.findings() == [])
  }

  @Test("change their status with who, when and why, and never leave the last one")
  func statuses() throws {
    try bench.add(IdentityFixture("A"))
    let (vault, key) = try bench.open()
    for (index, status) in [DeviceStatus.suspended, .active, .decommissioned].enumerated() {
      let occasion = Occasion.at(now + UInt64(index), by: "bob")
      #expect(
        try vault.setStatus(
          status, of: bench.devices(), selectedBy: nil, why: "reason \(index)", with: key, on: occasion) == 1)
    }
    #expect(
      try vault.setStatus(.decommissioned, of: bench.devices(), selectedBy: nil, why: "", with: key, on: .at(now)) == 0)
    #expect(throws: VaultError.decommissioned) {
      _ = try vault.setStatus(.active, of: bench.devices(), selectedBy: nil, why: "", with: key, on: .at(now))
    }
    let changes = try vault.statusChanges(of: bench.devices()[0])
    #expect(changes.map(\.from) == [.active, .suspended, .active])
    #expect(changes.map(\.to) == [.suspended, .active, .decommissioned])
    #expect(changes.map(\.at) == [now, now + 1, now + 2])
    #expect(changes.map(\.why) == ["reason 0", "reason 1", "reason 2"])
    #expect(Set(changes.map(\.who)) == ["bob"])
    #expect(try bench.findings() == [])
  }

  @Test("get grants with rising numbers, per device and module")
  func sequence() throws {
    try bench.add(IdentityFixture("A"), IdentityFixture("B"))
    var issued: [UInt64?] = []
    for (module, device) in [(codec, 0), (codec, 0), (codec, 1), (other, 0), (codec, 0)] {
      issued.append(try bench.grant(module, to: device))
    }
    #expect(issued == [1, 2, 1, 1, 3])
    #expect(try Vault(bench.path).modules().map { $0.epochs[0].grantCount } == [4, 1])
    try bench.edit("UPDATE grants SET sequence = 9223372036854775807 WHERE device = 2")
    #expect(throws: VaultError.lastSequence(codec)) { try bench.grant(codec, to: 1) }
  }

  @Test("take little room: most of an identity is what others of its platform have too")
  func size() throws {
    let files = try (0..<500).map { try IdentityFixture("device number \($0 + 1000)").file() }
    let before = try bench.file().count
    try bench.add(files)
    let perDevice = (try bench.file().count - before) / files.count
    #expect(perDevice < files[0].count * 6 / 10)
    let vault = try Vault(bench.path)
    #expect(try bench.devices().map { try vault.identityFile(of: $0) } == files)
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { String(format: "%02x", $0) }.joined()
}
