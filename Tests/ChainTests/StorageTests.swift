import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// SPEC 7.8, on devices that are switched off and on.
@Suite("A device's memory", .enabled(if: devicesAvailable, needsDevices))
struct StorageTests {
  private static let files = ["storage/0", "storage/1"]

  /// What is in the two files; nothing for one that isn't there.
  private func copy(_ device: Device) -> [[UInt8]] {
    Self.files.map { (try? device.contents($0)) ?? [] }
  }

  private func restore(_ copy: [[UInt8]], on device: Device) throws {
    for (path, contents) in zip(Self.files, copy) {
      if contents.isEmpty { try? device.remove(path) } else { try device.install(contents, path) }
    }
  }

  /// A bench whose device has used a grant with number 7.
  private func used() throws -> Bench {
    var bench = try Bench()
    bench.grant.terms.sequence = 7
    #expect(try bench.load([bench]) == ["answer 42"])
    return bench
  }

  private func counter(_ device: Device) throws -> Int {
    try Data(contentsOf: device.counter).count
  }

  @Test("costs nothing while nothing new is seen")
  func steady() throws {
    let bench = try used()
    let files = copy(bench.device)
    let counter = try counter(bench.device)
    #expect(counter == 2)
    #expect(try bench.load([bench, bench]) == ["answer 42", "answer 42"])
    #expect(copy(bench.device) == files)
    #expect(try self.counter(bench.device) == counter)
  }

  @Test("holds nothing that can be read: neither names nor keys")
  func secrecy() throws {
    let bench = try used()
    let name = Array("com.acme".utf8)
    for contents in copy(bench.device) { #expect(contents.firstRange(of: name) == nil) }
  }

  @Test("can't be put back: with an older copy of it the device has a new key, and its old grants are dead")
  func replay() throws {
    let bench = try used()
    let old = copy(bench.device)
    let before = try bench.device.identity()
    var newer = bench
    newer.grant.terms.sequence = 8
    #expect(try bench.load([newer]) == ["answer 42"])
    try restore(old, on: bench.device)
    let after = try bench.device.identity()
    #expect(after.deviceID == before.deviceID)
    #expect(after.grantKey != before.grantKey)
    #expect((before.generation, after.generation) == (0, 5))
    #expect(try bench.load([bench, newer]) == [refused(.wrongGrantKey), refused(.wrongGrantKey)])
  }

  @Test("when it is erased, the device is the same with a new key, and goes on with grants for that")
  func erased() throws {
    let bench = try used()
    let before = try bench.device.identity()
    try restore([[], []], on: bench.device)
    let after = try bench.device.identity()
    #expect(after.deviceID == before.deviceID)
    #expect(after.generation == 3)
    var again = bench
    again.grant = GrantFixture(for: after)
    #expect(try bench.load([bench, again]) == [refused(.wrongGrantKey), "answer 42"])
    #expect(try bench.device.identity() == after)
  }

  @Test("when it is damaged, the same happens", arguments: [0, 20, 4000])
  func damaged(place: Int) throws {
    let bench = try used()
    for path in Self.files {
      guard var contents = try? bench.device.contents(path), contents.count > place else { continue }
      contents[place] ^= 0x10
      try bench.device.install(contents, path)
    }
    #expect(try bench.device.identity().generation == 3)
    #expect(try bench.load([bench]) == [refused(.wrongGrantKey)])
  }

  @Test("survives a time in another life cycle in which nothing was loaded")
  func lifecycle() throws {
    let bench = try used()
    let before = try bench.device.identity()
    bench.device.state.lifecycle = .debug
    #expect(try bench.device.identity().grantKey != before.grantKey)
    bench.device.state.lifecycle = .secured
    #expect(try bench.device.identity() == before)
    #expect(try bench.load([bench]) == ["answer 42"])
  }

  @Test("when it can't be had, the device shows its identity and loads nothing")
  func unavailable() throws {
    let bench = try Bench()
    try? FileManager.default.removeItem(at: bench.device.flash.appending(path: "storage"))
    try bench.device.install([], "storage")
    #expect(try bench.device.identity().generation == 0)
    #expect(
      try bench.load([bench], saying: "husk: decryptor: secure storage not used: io\n") == [refused(.io)])
    try bench.device.remove("storage")
    #expect(try bench.load([bench]) == ["answer 42"])
  }

  @Test("when the counter is at its end, what is known goes on and nothing new is released")
  func counterAtItsEnd() throws {
    let bench = try used()
    // The counter's file has no holes in real life; its length is what counts.
    let file = try FileHandle(forWritingTo: bench.device.counter)
    try file.truncate(atOffset: Limits.counter)
    try file.close()
    let after = try bench.device.identity()
    var again = bench
    again.grant = GrantFixture(for: after)
    #expect(try bench.load([again]) == [refused(.limitExceeded)])
  }
}

/// SPEC 5.3, on a device.
@Suite("Status lists on a device", .enabled(if: devicesAvailable, needsDevices))
struct DeviceStatusListTests {
  private func list(_ number: UInt64, _ change: (inout StatusList) -> Void = { _ in }) throws -> [UInt8] {
    var fixture = StatusListFixture()
    fixture.list.number = number
    change(&fixture.list)
    return try fixture.file()
  }

  /// Shows lists in turn and then loads; returns how the lists were refused, and the load.
  private func outcomes(_ bench: Bench, _ lists: [[UInt8]]) throws -> (lists: [ErrorClass?], load: ErrorClass?) {
    let client = try bench.device.startSecureWorld()
    let shown = try lists.map { try client.refusal(statusList: $0) }
    return (shown, try client.refusal(package: bench.module.file(), grant: bench.grant.file()))
  }

  @Test("stop the package, the key and the version that they name, from when they are shown")
  func revoke() throws {
    let bench = try Bench()
    let client = try bench.device.startSecureWorld()
    let file = try bench.module.file()
    let load = { try client.refusal(package: file, grant: bench.grant.file()) }
    #expect(try load() == nil)
    #expect(try client.refusal(statusList: list(1)) == nil)
    #expect(try load() == nil)
    let key = bench.grant.chain.last.thumbprint
    #expect(try client.refusal(statusList: list(2) { $0.keys = [key] }) == nil)
    #expect(try load() == .revoked)
    let package = try PackageFront(file).packageID()
    #expect(try client.refusal(statusList: list(3) { $0.packages = [package] }) == nil)
    #expect(try load() == .revoked)
    #expect(try client.refusal(statusList: list(4)) == nil)
    #expect(try load() == nil)
    let floor = StatusList.SecurityFloor(bench.module.name, bench.module.package.manifest.securityVersion + 1)
    #expect(try client.refusal(statusList: list(5) { $0.floors = [floor] }) == nil)
    #expect(try load() == .rollback)
  }

  @Test("can't be withheld or put back to an older one, across boots")
  func remembered() throws {
    let bench = try Bench()
    let first = try list(1)
    let second = try list(2)
    var outcome = try outcomes(bench, [first, second])
    #expect(outcome.lists == [nil, nil])
    #expect(outcome.load == nil)
    // Switched off and on.
    outcome = try outcomes(bench, [])
    #expect(outcome.load == .statusRequired)
    outcome = try outcomes(bench, [first])
    #expect(outcome.lists == [.rollback])
    #expect(outcome.load == .statusRequired)
    let other = try list(2) { $0.keys = [bytes(named: "somebody")] }
    outcome = try outcomes(bench, [other])
    #expect(outcome.lists == [.rollback])
    outcome = try outcomes(bench, [second])
    #expect(outcome.lists == [nil])
    #expect(outcome.load == nil)
    outcome = try outcomes(bench, [try list(65_539)])
    #expect(outcome.lists == [.limitExceeded])
  }

  @Test("of another vendor, or of nobody's, change nothing")
  func foreign() throws {
    let bench = try Bench()
    var other = StatusListFixture()
    other.chain.links[0].claims.scope = testScope("org.other.")
    other.chain.links[1].claims.scope = testScope("org.other.")
    other.list.scope = testScope("org.other.")
    other.list.keys = [bench.grant.chain.last.thumbprint]
    var beyond = other
    beyond.list.scope = testScope("com.acme.")
    var stranger = StatusListFixture()
    stranger.chain.root = .stranger
    var damaged = try list(1)
    damaged[damaged.count - 1] ^= 1
    let outcome = try outcomes(
      bench,
      [try other.file(), try beyond.file(), try stranger.file(), damaged, [], [UInt8](repeating: 0, count: 70_000)])
    #expect(
      outcome.lists == [nil, .scopeViolation, .untrustedRoot, .signatureInvalid, .malformed, .limitExceeded])
    #expect(outcome.load == nil)
    // The other vendor's list, not shown, is that vendor's affair.
    #expect(try outcomes(bench, []).load == nil)
  }

  @Test("of the number that grant or package demands let them load")
  func demanded() throws {
    var bench = try Bench()
    bench.grant.terms.minimumStatus = 2
    #expect(try outcomes(bench, [list(1)]).load == .statusRequired)
    #expect(try outcomes(bench, [list(2)]).load == nil)
    bench.grant.terms.minimumStatus = nil
    bench.module.package.manifest.minimumStatus = 3
    #expect(try outcomes(bench, [list(2)]).load == .statusRequired)
    #expect(try outcomes(bench, [list(3)]).load == nil)
  }
}
