import BootChain
import CBOR
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

@Suite("A grant", .enabled(if: devicesAvailable, needsDevices))
struct GrantTests {
  @Test("lets nothing load when it was changed, wherever the change is")
  func changed() throws {
    let bench = try Bench()
    let package = try bench.module.file()
    let grant = try bench.grant.file()
    let world = try bench.device.startSecureWorld()
    for damage in try Damage.all(of: bench.grant) {
      #expect(
        try world.refusal(package: package, grant: damage.apply(grant)) == damage.errorClass, "\(damage.description)")
    }
    for place in grant.indices {
      var changed = grant
      changed[place] ^= 0x10
      #expect(try world.refusal(package: package, grant: changed) != nil, "byte \(place)")
    }
    #expect(try world.refusal(package: package, grant: grant) == nil)
  }

  @Test("is for one device")
  func device() throws {
    let bench = try Bench()
    let other = try loadingDevice("device 2").identity()
    try bench.expect(.wrongDevice) { $0.grant.terms.deviceID = other.deviceID }
    // A grant as it should be, but another device's.
    try bench.expect(.wrongDevice) { $0.grant = GrantFixture(for: other) }
    // One that was rewritten to name this device doesn't open here.
    try bench.expect(.keyUnwrapFailed) { $0.grant.recipientKey = other.grantKey }
  }

  @Test("is for one module")
  func module() throws {
    let bench = try Bench()
    try bench.expect(.wrongModule) { $0.grant.terms.module = testName("com.acme.other") }
    try bench.expect(.wrongModule) { $0.module.name = testName("com.acme.other") }
  }

  @Test("is for one key epoch of the module")
  func epoch() throws {
    let bench = try Bench()
    for epoch: UInt64 in [0, 6, 8] {
      try bench.expect(.wrongEpoch) { $0.grant.terms.epoch = epoch }
      try bench.expect(.wrongEpoch) { $0.module.package.manifest.epoch = epoch }
    }
  }

  @Test("is for one life-cycle state")
  func lifecycle() throws {
    let bench = try Bench()
    for state in Lifecycle.allCases where state != .secured {
      try bench.expect(.wrongLifecycle, "\(state.name)") { $0.grant.terms.lifecycle = state }
    }
  }

  @Test("of a device in production is worthless once it is unlocked for debugging")
  func debug() throws {
    var bench = try Bench()
    let before = try bench.device.identity()
    let old = bench
    bench.device.state.lifecycle = .debug
    let now = try bench.device.identity()
    #expect(now.deviceID == before.deviceID)
    #expect(now.grantKey != before.grantKey)
    bench.grant = GrantFixture(for: now)
    try bench.expect(.wrongLifecycle) { $0.grant = old.grant }
    // Even one that a vendor would make out for the debug state, if it is for the key of production.
    try bench.expect(.wrongGrantKey) {
      $0.grant = old.grant
      $0.grant.terms.lifecycle = .debug
    }
    try bench.expect(.keyUnwrapFailed) { $0.grant.recipientKey = before.grantKey }
    // Back in production, after modules were loaded in debug, it has a new key (SPEC 7.8).
    bench.device.state.lifecycle = .secured
    let after = try bench.device.identity()
    #expect(after.deviceID == before.deviceID)
    #expect(after.grantKey != before.grantKey)
    #expect(try bench.load([old]) == [refused(.wrongGrantKey)])
    bench.grant = GrantFixture(for: after)
    #expect(try bench.load([bench]) == ["answer 42"])
  }

  @Test("is worthless once the device was re-keyed")
  func rekeyed() throws {
    var bench = try Bench()
    let before = try bench.device.identity()
    let old = bench
    bench.device.state.keyEpoch += 1
    let now = try bench.device.identity()
    #expect(now.deviceID == before.deviceID)
    bench.grant = GrantFixture(for: now)
    try bench.expect(.wrongGrantKey) { $0.grant = old.grant }
    try bench.expect(.keyUnwrapFailed) { $0.grant.recipientKey = before.grantKey }
  }

  @Test("covers the versions that it says, both ends included")
  func versions() throws {
    let bench = try Bench()
    func range(_ lowest: Version, _ highest: Version) -> VersionRange? { VersionRange(lowest, highest) }
    let version = Version(1, 2, 3)
    for right in [range(version, version), range(Version(0, 0, 0), version), range(version, Version(9, 9, 9))] {
      for wrong in [range(Version(1, 2, 4), Version(2, 0, 0)), range(Version(0, 9, 9), Version(1, 2, 2))] {
        try bench.expect(.versionOutOfRange, right: { $0.grant.terms.versions = right }) {
          $0.grant.terms.versions = wrong
        }
      }
    }
  }

  @Test("expires by the time that the device was built")
  func expiredByBuildTime() throws {
    var bench = try Bench()
    bench.device.state.time = Moment.present
    bench.grant = GrantFixture(for: try bench.device.identity())
    try bench.expect(.expired, right: { $0.grant.terms.notAfter = Moment.present }) {
      $0.grant.terms.notAfter = Moment.present - 1
    }
  }

  @Test("expires by the time that any part of this load was issued")
  func expiredByIssueTime() throws {
    let bench = try Bench()
    let late = Moment.present
    try bench.expect(.expired, right: { $0.grant.terms.notAfter = Moment.issued }) {
      $0.module.package.manifest.issuedAt = late
    }
    try bench.expect(.expired, right: { $0.grant.terms.notAfter = Moment.issued }) { $0.grant.terms.issuedAt = late }
    try bench.expect(.expired, right: { $0.grant.terms.notAfter = Moment.issued }) {
      $0.module.package.chain.links[0].claims.issuedAt = late
    }
    try bench.expect(.expired, right: { $0.grant.terms.notAfter = Moment.issued }) {
      $0.grant.chain.links[1].claims.issuedAt = late
    }
  }

  @Test("expires by the time that an earlier module of this boot was issued")
  func expiredByEarlierLoad() throws {
    var old = try Bench()
    old.grant.terms.notAfter = Moment.issued
    var new = old
    new.grant.terms.notAfter = nil
    new.module.package.manifest.issuedAt = Moment.present
    #expect(try old.load([old, new, old]) == ["answer 42", "answer 42", refused(.expired)])
  }

  @Test("expires by a trusted clock, and only a trusted one tells that its time hasn't come")
  func clock() throws {
    let bench = try Bench()
    let now = UInt64(Date().timeIntervalSince1970)
    let day: UInt64 = 86_400
    var later = bench
    later.grant.terms.notBefore = now + 365 * day
    #expect(try bench.load([later]) == ["answer 42"])
    bench.device.state.hasTrustedClock = true
    try bench.expect(.notYetValid, right: { $0.grant.terms.notBefore = now - day }) {
      $0.grant.terms.notBefore = later.grant.terms.notBefore
    }
    try bench.expect(.expired, right: { $0.grant.terms.notAfter = now + 365 * day }) {
      $0.grant.terms.notAfter = now - day
    }
    // With a clock, nobody's signed times move the present.
    var limited = bench
    limited.grant.terms.notAfter = now + day
    limited.grant.terms.issuedAt = now + 365 * day
    limited.module.package.manifest.issuedAt = now + 365 * day
    #expect(try bench.load([limited]) == ["answer 42"])
  }

  @Test("is superseded by one with a higher number, for its own module and for good")
  func superseded() throws {
    var first = try Bench()
    first.grant.terms.sequence = 1
    var second = first
    second.grant.terms.sequence = 2
    var other = first
    other.module.name = testName("com.acme.other")
    other.grant.terms.module = other.module.name
    #expect(
      try first.load([first, second, second, first, other])
        == ["answer 42", "answer 42", "answer 42", refused(.rollback), "answer 42"])
    #expect(try first.load([first, other]) == [refused(.rollback), "answer 42"])
  }

  @Test("or module that was refused supersedes nothing")
  func refusalLeavesNoTrace() throws {
    let bench = try Bench()
    var bad = bench
    bad.grant.terms.sequence += 1
    bad.grant.contentKey = bytes(named: "another key")
    bad.grant.terms.issuedAt = Moment.present
    var limited = bench
    limited.grant.terms.notAfter = Moment.issued
    #expect(try bench.load([bad, limited]) == [refused(.decryptionFailed), "answer 42"])
  }

  @Test("or package that demands a status list is refused by a device that has seen none")
  func status() throws {
    let bench = try Bench()
    try bench.expect(.statusRequired, right: { $0.grant.terms.minimumStatus = 0 }) {
      $0.grant.terms.minimumStatus = 1
    }
    try bench.expect(.statusRequired, right: { $0.module.package.manifest.minimumStatus = 0 }) {
      $0.module.package.manifest.minimumStatus = 1
    }
  }

  @Test("names the key that signed it")
  func issuer() throws {
    try Bench().expect(.malformed) { $0.grant.terms.issuer = TestKey.stranger.thumbprint }
  }

  @Test("opens under its own terms only")
  func terms() throws {
    // Somebody with the grant role, but without the content key, moves a wrapped key under other terms.
    try Bench().expect(.keyUnwrapFailed) {
      $0.grant.editTerms = editMap { $0.set(7, to: RawMap.item { $0.encode(unsigned: 99) }) }
    }
  }
}
