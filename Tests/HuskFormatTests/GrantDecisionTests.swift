import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

/// All that a decision rests on. What isn't changed lets the module load.
struct DecisionFixture: Sendable {
  var grant = GrantFixture()
  var package = PackageFixture.module()
  var device = DeviceState.fixture
  var time = TimeBasis(lowerBound: Moment.present, trustedClock: nil)
  var memory = ModuleMemory(sequence: 5, floor: 4)
  var status = StatusKnowledge()

  func refusal() throws -> ErrorClass? {
    let file = try package.file()
    let front = try PackageFront(file)
    let package = try front.verify(role: .module, fileSize: UInt64(file.count), with: .device)
    let grant = try GrantFile(grant.file()).verify(with: .device)
    return FormatFixtures.refusal { () throws(FormatError) in
      try grant.authorize(
        package, packageID: front.packageID(), on: device, time: time, memory: memory,
        status: status)
    }
  }
}

/// SPEC 5: whether a verified grant lets a verified package load.
@Suite("Deciding about a load")
struct GrantDecisionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let expected: ErrorClass?
    let change: @Sendable (inout DecisionFixture) -> Void

    init(
      _ description: String, _ expected: ErrorClass?, _ change: @escaping @Sendable (inout DecisionFixture) -> Void
    ) {
      testDescription = description
      self.expected = expected
      self.change = change
    }
  }

  private static func range(_ lowest: Version, _ highest: Version) -> VersionRange? { VersionRange(lowest, highest) }

  static let cases: [Case] = [
    Case("unchanged", nil) { _ in },
    Case("another module granted", .wrongModule) { $0.grant.terms.module = testName("com.acme.codecs") },
    Case("another module packed", .wrongModule) { $0.package.manifest.name = testName("com.acme.code") },
    Case("an older epoch granted", .wrongEpoch) { $0.grant.terms.epoch = 6 },
    Case("a newer epoch granted", .wrongEpoch) { $0.grant.terms.epoch = 8 },
    Case("another device", .wrongDevice) { $0.grant.terms.deviceID = bytes(named: "other") },
    Case("the device is in debug", .wrongLifecycle) { fixture in
      fixture.device = DeviceState(
        deviceID: fixture.device.deviceID, grantKeyThumbprint: fixture.device.grantKeyThumbprint, lifecycle: .debug)
    },
    Case("a grant for assembly", .wrongLifecycle) { $0.grant.terms.lifecycle = .assembly },
    Case("a former key of the device", .wrongGrantKey) { $0.grant.terms.grantKeyThumbprint = bytes(named: "other") },
    Case("another issuer than the signer", .malformed) {
      $0.grant.terms.issuer = $0.grant.chain.links[0].key.thumbprint
    },
    Case("the lowest version", nil) { $0.grant.terms.versions = range(Version(1, 2, 3), Version(2, 0, 0)) },
    Case("the highest version", nil) { $0.grant.terms.versions = range(Version(1, 0, 0), Version(1, 2, 3)) },
    Case("below the lowest version", .versionOutOfRange) { fixture in
      fixture.grant.terms.versions = range(Version(1, 2, 4), Version(2, 0, 0))
    },
    Case("above the highest version", .versionOutOfRange) { fixture in
      fixture.grant.terms.versions = range(Version(1, 0, 0), Version(1, 2, 2))
    },
    Case("not-after now", nil) { $0.grant.terms.notAfter = Moment.present },
    Case("not-after a second ago", .expired) { $0.grant.terms.notAfter = Moment.present - 1 },
    Case("not-after zero", .expired) { $0.grant.terms.notAfter = 0 },
    Case("not-before in a second, no clock", nil) { $0.grant.terms.notBefore = Moment.present + 1 },
    Case("not-before in a second", .notYetValid) { fixture in
      fixture.grant.terms.notBefore = Moment.present + 1
      fixture.time = TimeBasis(lowerBound: 0, trustedClock: Moment.present)
    },
    Case("not-before now", nil) { fixture in
      fixture.grant.terms.notBefore = Moment.present
      fixture.time = TimeBasis(lowerBound: 0, trustedClock: Moment.present)
    },
    Case("the highest sequence number again", nil) { $0.memory = ModuleMemory(sequence: 5, floor: 0) },
    Case("a superseded sequence number", .rollback) { $0.memory = ModuleMemory(sequence: 6, floor: 0) },
    Case("the highest security version again", nil) { $0.memory = ModuleMemory(sequence: 0, floor: 4) },
    Case("a security version below the floor", .rollback) { $0.memory = ModuleMemory(sequence: 0, floor: 5) },
    Case("a newer sequence number", nil) { $0.memory = ModuleMemory(sequence: 4, floor: 0) },
    Case("a status list demanded by the grant", .statusRequired) { $0.grant.terms.minimumStatus = 1 },
    Case("a status list demanded by the package", .statusRequired) { $0.package.manifest.minimumStatus = 1 },
    Case("status list zero", nil) { fixture in
      fixture.grant.terms.minimumStatus = 0
      fixture.package.manifest.minimumStatus = 0
    },
  ]

  @Test("gives the class of SPEC 5", arguments: cases)
  func classes(_ decision: Case) throws {
    var fixture = DecisionFixture()
    decision.change(&fixture)
    #expect(try fixture.refusal() == decision.expected)
  }

  /// One fault for each step, in the order of SPEC 5.
  private static let ordered: [Case] = [
    Case("1", .wrongModule) { $0.grant.terms.module = testName("com.acme.other") },
    Case("2", .wrongEpoch) { $0.grant.terms.epoch = 9 },
    Case("3", .wrongDevice) { $0.grant.terms.deviceID = bytes(named: "other") },
    Case("4", .wrongLifecycle) { $0.grant.terms.lifecycle = .debug },
    Case("5", .wrongGrantKey) { $0.grant.terms.grantKeyThumbprint = bytes(named: "other") },
    Case("6", .malformed) { $0.grant.terms.issuer = bytes(named: "other") },
    Case("7", .versionOutOfRange) { $0.grant.terms.versions = range(Version(9, 0, 0), Version(9, 9, 9)) },
    Case("8, not-after", .expired) { $0.grant.terms.notAfter = 1 },
    Case("8, not-before", .notYetValid) { fixture in
      fixture.grant.terms.notBefore = Moment.present + 1
      fixture.time = TimeBasis(lowerBound: 0, trustedClock: Moment.present)
    },
    Case("9", .rollback) { $0.memory = ModuleMemory(sequence: 99, floor: $0.memory.floor) },
    Case("10", .rollback) { $0.memory = ModuleMemory(sequence: $0.memory.sequence, floor: 99) },
    Case("11", .statusRequired) { $0.grant.terms.minimumStatus = 1 },
  ]

  @Test("gives the class of the first fault, of any two")
  func order() throws {
    for (index, first) in Self.ordered.enumerated() {
      for second in Self.ordered[index...] {
        var fixture = DecisionFixture()
        first.change(&fixture)
        second.change(&fixture)
        #expect(try fixture.refusal() == first.expected, "\(first.testDescription), \(second.testDescription)")
      }
    }
  }

  @Test("is for one life-cycle state each", arguments: Lifecycle.allCases)
  func lifecycles(_ lifecycle: Lifecycle) throws {
    for other in Lifecycle.allCases {
      var fixture = DecisionFixture()
      fixture.grant.terms.lifecycle = lifecycle
      fixture.device = DeviceState(
        deviceID: fixture.device.deviceID, grantKeyThumbprint: fixture.device.grantKeyThumbprint, lifecycle: other)
      #expect(try fixture.refusal() == (lifecycle == other ? nil : .wrongLifecycle))
    }
  }
}
