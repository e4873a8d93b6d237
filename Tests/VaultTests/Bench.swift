import Cryptography
import DICE
import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HostSupport
import HuskFormat
import SecretBytes
import Testing
import Vault

let codec = testName("com.acme.codec")
let other = testName("com.acme.other")
let now = Moment.present

extension Occasion {
  static func at(_ time: UInt64, by who: String = "alice") -> Occasion { Occasion(now: time, who: who) }
}

/// A vault that a key unlocks, and that trusts the devices of the fixtures.
struct Bench {
  let scratch: Scratch
  let path: String

  init() throws {
    scratch = try Scratch()
    path = scratch.directory.appending(path: "acme.vault").path
    try Vault.create(at: path, unlockedBy: .key(secret(named: "vault key")), on: .at(now))
  }

  var directory: URL { scratch.directory }

  /// The vault, unlocked.
  func open() throws -> (vault: Vault, key: VaultKey) {
    let vault = try Vault(path)
    return (vault, try vault.unlock(with: .key(secret(named: "vault key"))))
  }

  /// Has the vault trust what the fixtures' devices are made of.
  func trust(_ identity: IdentityFixture = IdentityFixture()) throws {
    let (vault, key) = try open()
    _ = try vault.addTrust(
      [
        (.deviceRoot, TestKey.deviceRoot.thumbprint, "silicon"), (.bootRoot, TestKey.bootRoot.thumbprint, "platform"),
        (.loader, identity.layers[0].inputs.code, "bootloader 1"),
        (.decryptor, identity.layers[1].inputs.code, "decryptor 1"),
      ], with: key, on: .at(now))
  }

  /// Verifies identities and adds them.
  @discardableResult
  func add(
    _ fixtures: IdentityFixture..., terms: AdditionTerms = AdditionTerms(), lifecycle: Lifecycle = .secured,
    at time: UInt64 = now
  ) throws -> [AdditionOutcome] {
    try add(fixtures.map { try $0.file() }, terms: terms, lifecycle: lifecycle, at: time)
  }

  @discardableResult
  func add(
    _ files: [[UInt8]], terms: AdditionTerms = AdditionTerms(), lifecycle: Lifecycle = .secured, at time: UInt64 = now
  ) throws -> [AdditionOutcome] {
    let (vault, key) = try open()
    let verifier = IdentityVerifier(trust: try vault.trust(with: key), lifecycle: lifecycle, now: time)
    return try vault.add(files.map { try verifier.verify($0) }, terms, with: key, on: .at(time))
  }

  /// All devices, in order.
  func devices(_ selection: DeviceSelection = DeviceSelection()) throws -> [DeviceRecord] {
    try Vault(path, isReadOnly: true).devices(selection, after: 0, limit: 1000)
  }

  /// A device, in line for a grant.
  func candidate(_ index: Int = 0, _ module: Name = codec) throws -> (candidate: GrantCandidate, mark: Int64) {
    let (vault, _) = try open()
    let mark = try vault.changeMark()
    var candidates = GrantCandidates(vault, .devices([try devices()[index].row]), module: module, after: 0)
    return (try #require(try candidates.next(1).first), mark)
  }

  /// Whether a device may get grants, and to which key; throws what keeps it from that.
  @discardableResult
  func recipient(_ index: Int = 0) throws -> GrantRecipient {
    let (vault, key) = try open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    var check = try CandidateCheck(with: key, trust: vault.trust(with: key))
    return try check.recipient(of: candidate(index).candidate)
  }

  /// Records a grant, as a job of its own. Returns its sequence number; nil if the device changed meanwhile.
  @discardableResult
  func grant(
    _ module: Name = codec, to index: Int = 0, meanwhile: () throws -> Void = {}, on occasion: Occasion = .at(now)
  ) throws -> UInt64? {
    let (vault, key) = try open()
    let epoch = try vault.ensureModule(module, with: key, on: occasion)
    let mark = try vault.changeMark()
    var candidates = GrantCandidates(vault, .devices([try devices()[index].row]), module: module, after: 0)
    let candidate = try #require(try candidates.next(1).first)
    var check = try CandidateCheck(with: key, trust: vault.trust(with: key))
    let recipient = try check.recipient(of: candidate)
    try meanwhile()
    var job = GrantJob(bytes(named: UUID().uuidString))
    let terms = CommonGrantTerms(module: module, epoch: epoch, issuedAt: occasion.now, lifecycle: recipient.lifecycle)
    let series = try GrantSeries(terms: terms, chain: ChainFixture.grant.encoded())
    // Nobody opens it here: only its size and number matter.
    let number = (0..<8).map { UInt8(truncatingIfNeeded: candidate.sequence >> UInt64(56 - 8 * $0)) }
    let record = recipient.deviceID + bytes(named: "key") + number + [UInt8](repeating: 1, count: 144)
    let grant = try check.grant(to: candidate, #require(GrantRecord(record[...])), on: terms)
    let isDone = try vault.record(
      [grant], of: series, in: &job, keeps: false, since: mark, with: key, on: occasion)
    try vault.finish(job, on: occasion)
    return isDone ? candidate.sequence : nil
  }

  /// What the vault finds wrong with itself, unlocked.
  func findings(head: LogHead? = nil) throws -> [Finding] {
    let (vault, key) = try open()
    return try vault.check(with: key, head: head).findings
  }

  /// Does to the file what Husk wouldn't.
  func edit(_ statements: String...) throws {
    try DatabaseQueue(path: path).writeWithoutTransaction { database in
      for statement in statements { try database.execute(sql: statement) }
    }
  }

  /// Does to the log what takes intent: the triggers are put aside, and put back.
  func forge(_ statement: String) throws {
    let triggers = try DatabaseQueue(path: path).read {
      try Row.fetchAll($0, sql: "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .map { (name: $0["name"] as String, sql: $0["sql"] as String) }
    }
    for trigger in triggers { try edit("DROP TRIGGER \(trigger.name)") }
    try edit(statement)
    for trigger in triggers { try edit(trigger.sql) }
  }

  func file() throws -> Data { try Data(contentsOf: URL(filePath: path)) }
}

extension IdentityFixture {
  /// Another device of the same kind.
  init(_ name: String, keyEpoch: UInt64 = 2, lifecycle: Lifecycle = .secured) {
    self.init()
    uds = bytes(named: "UDS of \(name)")
    do {
      let key = TestKey(try DICE.signingKey(from: secret(uds)))
      silicon.links[1] = LinkFixture(name, [.silicon], key: key)
    } catch {
      preconditionFailure("\(error)")
    }
    claims = DeviceKeyClaims(
      grantKey: TestGrantKey("\(name), epoch \(keyEpoch)").publicKey, lifecycle: lifecycle, keyEpoch: keyEpoch,
      generation: 0)
    if lifecycle != .secured {
      layers = [
        LayerFixture("bootloader", .bootLoader, mode: lifecycle.mode),
        LayerFixture("decryptor", .bootDecryptor, mode: lifecycle.mode),
      ]
    }
  }
}
