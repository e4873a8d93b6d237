import CBOR
import Cryptography
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import GRDB
import HuskFormat
import Testing

@testable import Vault

@Suite("A vault's log")
struct LogTests {
  private let bench: Bench

  init() throws {
    bench = try Bench()
  }

  @Test("tells everything that changed the vault, who did it, and when")
  func actions() throws {
    try bench.trust()
    try bench.add(IdentityFixture("A"), IdentityFixture("B"))
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    _ = try vault.rotate(codec, with: key, on: .at(now))
    let package = PackageRecord(
      module: codec, version: Version(1, 2, 3), securityVersion: 4, epoch: 2, digest: bytes(named: "package"))
    try vault.record(package, on: .at(now))
    try bench.grant(on: .at(now + 1, by: "bob"))
    _ = try vault.setStatus(.recalled, of: bench.devices(), selectedBy: nil, why: "hot", with: key, on: .at(now + 1))
    _ = try vault.tag(bench.devices(), as: "lab", selectedBy: nil, with: key, on: .at(now + 1))
    _ = try vault.untag(bench.devices(), as: "lab", on: .at(now + 1))
    _ = try vault.removeTrust(named: hexadecimal(TestKey.deviceRoot.thumbprint), on: .at(now + 2))
    _ = try vault.rotateKey(key, to: .key(secret(named: "vault key")), on: .at(now + 2))
    let events = try vault.events(from: 1, limit: 100)
    #expect(
      events.map(\.action) == [
        .vaultCreated, .trusted, .trusted, .trusted, .trusted, .devicesAdded, .moduleBegun, .epochBegun, .packed,
        .granted, .statusChanged, .tagged, .untagged, .distrusted, .vaultKeyRotated,
      ])
    #expect(events.map(\.number) == Array(1...15))
    #expect(events[9].who == "bob")
    #expect(events[9].at == now + 1)
    #expect(events[5].details.contains(Event.Detail("added", .number(2))))
    #expect(events[10].details.contains(Event.Detail("why", .text("hot"))))
    #expect(events[8].details.contains(Event.Detail("digest", .bytes(bytes(named: "package")))))
    #expect(try vault.latestEvents(2) == [events[14], events[13]])
    #expect(try vault.events(from: 15, limit: 100) == [events[14]])
    #expect(try bench.findings() == [])
  }

  @Test("is chained as SPEC 14.5 says")
  func chain() throws {
    try bench.trust()
    let rows = try DatabaseQueue(path: bench.path).read { try Row.fetchAll($0, sql: "SELECT * FROM events") }
    var start = CBOREncoder()
    start.beginArray(2)
    start.encode(text: "husk-event-log")
    start.encode(bytes: try bench.open().vault.id)
    var hash = try SHA256.hash(start.bytes.span.bytes)
    for row in rows {
      let chained = hash + [UInt8](try row.decode(Data.self, forColumn: "record"))
      hash = try SHA256.hash(chained.span.bytes)
      #expect(try row.decode(Data.self, forColumn: "hash") == Data(hash))
    }
    #expect(rows.count == 5)
    #expect(try bench.open().vault.logHead(now: now).hash == hash)
  }

  @Test("says nothing of an event, or something, but has one way to say it")
  func details() throws {
    let event = Event(number: 1, at: now, who: "alice", action: .tagged, details: [])
    #expect(Event(event.encoded) == event)
    #expect(Event(editMap { $0.set(6, to: [0xa0]) }(event.encoded)) == nil)
    #expect(Event(editMap { $0.set(6, to: [0xa1, 0x61, 0x61, 1]) }(event.encoded))?.details.count == 1)
  }

  @Test(
    "lets no slip change it",
    arguments: [
      "UPDATE events SET record = x'a0' WHERE number = 2", "DELETE FROM events WHERE number = 5", "DELETE FROM events",
      "INSERT INTO events (number, record, hash) VALUES (7, x'a0', zeroblob(32))",
      "INSERT OR REPLACE INTO events (number, record, hash) VALUES (5, x'a0', zeroblob(32))",
    ])
  func triggers(statement: String) throws {
    try bench.trust()
    #expect(throws: DatabaseError.self) { try bench.edit(statement) }
    #expect(try bench.findings() == [])
  }

  static let forgeries = [
    (
      "UPDATE events SET record = CAST(replace(record, x'616c696365', x'6d616c6c65') AS BLOB) WHERE number = 2",
      "event 2 was altered, or one before it"
    ),
    ("DELETE FROM events WHERE number = 3", "event 3 is missing"),
    ("DELETE FROM events WHERE number = 1", "event 1 is missing"),
    ("UPDATE events SET number = number + 1 WHERE number = 5", "event 5 is missing"),
    ("UPDATE events SET hash = zeroblob(32) WHERE number = 4", "event 4 was altered, or one before it"),
  ]

  @Test("shows where somebody changed it with intent", arguments: forgeries)
  func forgery(statement: String, finding: String) throws {
    try bench.trust()
    try bench.forge(statement)
    #expect(try bench.findings().filter { $0.part == .event }.map(\.what) == [finding])
  }

  @Test("cut off at its end shows it against a head that was kept elsewhere, and only against that")
  func truncation() throws {
    let early = try bench.open().vault.logHead(now: now)
    try bench.trust()
    for _ in 0..<2 { try bench.open().vault.acceptClock(on: .at(now)) }
    let late = try bench.open().vault.logHead(now: now)
    #expect(try bench.findings(head: early) == [])
    #expect(try bench.findings(head: late) == [])
    // Of events that no record goes with.
    try bench.forge("DELETE FROM events WHERE number >= 6")
    #expect(try bench.findings() == [])
    #expect(try bench.findings(head: early) == [])
    #expect(try bench.findings(head: late).map(\.what) == ["the log ends at event 5, but had 7 once"])
    // Events that were written in the place of others.
    let (vault, _) = try bench.open()
    for _ in 0..<3 { try vault.acceptClock(on: .at(now, by: "mallory")) }
    #expect(try bench.findings() == [])
    #expect(try bench.findings(head: late).map(\.what) == ["the log up to event 7 isn't what it was once"])
    let stranger = try Bench().open().vault.logHead(now: now)
    #expect(try bench.findings(head: stranger).map(\.what) == ["the head is another vault's"])
  }

  @Test("has a head that is believed only under the key that signed it")
  func head() throws {
    let key = try SigningKey.generate(.edDSA)
    let head = try bench.open().vault.logHead(now: now + 7)
    let file = try head.signed(with: key)
    #expect(try LogHead(file, signedBy: key.publicKey()) == head)
    #expect(try LogHead(unverified: file) == head)
    #expect(head.at == now + 7)
    #expect(refusal(of: file, TestKey.stranger.publicKey) == .signatureInvalid)
    var altered = file
    altered[altered.count - 80] ^= 1
    #expect(try refusal(of: altered, key.publicKey()) != nil)
    for count in 0..<file.count { #expect(try refusal(of: Array(file[..<count]), key.publicKey()) == .malformed) }
    #expect(try refusal(of: file + [0], key.publicKey()) == .malformed)
    // Another kind of object by the same key.
    let other = try TestKey.stranger.sign([0xa0], type: Grant.type)
    var encoder = CBOREncoder()
    FileLabel.logHead.encode(to: &encoder)
    encoder.encode(encoded: other)
    #expect(refusal(of: encoder.bytes, TestKey.stranger.publicKey) == .roleMismatch)
  }

  @Test("never goes back in time: a little is noted, much is refused until somebody says that the clock is right")
  func clock() throws {
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now + 1000))
    _ = try vault.rotate(codec, with: key, on: .at(now + 700))
    let noted = try #require(try vault.latestEvents(1).first)
    #expect(noted.at == now + 1000)
    #expect(noted.clock == now + 700)

    #expect(throws: VaultError.clockSetBack(now: now + 699, latest: now + 1000)) {
      try vault.rotate(codec, with: key, on: .at(now + 699))
    }
    #expect(try vault.latestEpoch(of: codec) == 2)
    try vault.acceptClock(on: .at(now + 500))
    #expect(try vault.rotate(codec, with: key, on: .at(now + 501)) == 3)
    #expect(try vault.latestEvents(1).first?.at == now + 501)
    #expect(try bench.findings() == [])
  }

  private func refusal(of file: [UInt8], _ key: PublicKey) -> ErrorClass? {
    FormatFixtures.refusal { () throws(FormatError) in _ = try LogHead(file, signedBy: key) }
  }
}
