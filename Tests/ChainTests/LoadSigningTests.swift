import BootChain
import CLinux
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

@Suite("A module or grant that isn't signed as it must be", .enabled(if: devicesAvailable, needsDevices))
struct LoadSigningTests {
  @Test("doesn't load when the package's signer has another role")
  func packageRole() throws {
    let bench = try Bench()
    for role in Role.known where role != .module {
      try bench.expect(.roleMismatch) {
        $0.module.package.chain.links = [LinkFixture("Acme", [role], scope: "com.acme.")]
      }
    }
  }

  @Test("doesn't load when the grant's signer has another role")
  func grantRole() throws {
    let bench = try Bench()
    for role in Role.known where role != .grant {
      try bench.expect(.roleMismatch) {
        $0.grant.chain.links = [LinkFixture("Acme", [role], scope: "com.acme.")]
        $0.grant.terms.issuer = $0.grant.chain.last.thumbprint
      }
    }
  }

  @Test("doesn't load when its name is outside the signer's scope")
  func scope() throws {
    let bench = try Bench()
    let right = testScope("com.acme.codec")
    let wrong = testScope("com.acme.code")
    try bench.expect(.scopeViolation, right: { $0.module.package.chain.links[1].claims.scope = right }) {
      $0.module.package.chain.links[1].claims.scope = wrong
    }
    try bench.expect(.scopeViolation, right: { $0.grant.chain.links[1].claims.scope = right }) {
      $0.grant.chain.links[1].claims.scope = wrong
    }
  }

  @Test("doesn't load when it was signed with another key, or as another kind of object")
  func signer() throws {
    let bench = try Bench()
    try bench.expect(.signatureInvalid) { $0.module.package.signer = .stranger }
    try bench.expect(.signatureInvalid) { $0.grant.signer = .stranger }
    try bench.expect(.roleMismatch) { $0.module.package.type = Grant.type }
    try bench.expect(.roleMismatch) { $0.grant.type = Manifest.type }
  }

  @Test("doesn't load under a root that is unknown or revoked, and does under another one")
  func root() throws {
    let bench = try Bench()
    try bench.expect(.untrustedRoot) { $0.module.package.chain.root = .stranger }
    try bench.expect(.untrustedRoot) { $0.grant.chain.root = .stranger }
    let second = TestKey("second root")
    bench.device.state.bootRoots = .of(.bootRoot, second, .stranger, revoked: 0b100)
    var other = bench
    other.module.package.chain.root = second
    other.grant.chain.root = second
    #expect(try bench.load([other]) == ["answer 42"])
    try bench.expect(.revokedRoot) { $0.module.package.chain.root = .stranger }
    try bench.expect(.revokedRoot) { $0.grant.chain.root = .stranger }
  }

  @Test("doesn't load when a chain widens")
  func widening() throws {
    let bench = try Bench()
    let widenings: [(String, (inout LinkFixture) -> Void)] = [
      ("role", { $0.claims.roles = [.grant, .module, .silicon] }),
      ("scope", { $0.claims.scope = testScope("com.") }),
      ("every scope", { $0.claims.scope = .everything }),
      ("depth", { $0.claims.depth = 1 }),
    ]
    for (what, widen) in widenings {
      try bench.expect(.chainInvalid, "\(what)") { widen(&$0.module.package.chain.links[1]) }
      try bench.expect(.chainInvalid, "\(what)") { widen(&$0.grant.chain.links[1]) }
    }
  }

  @Test("doesn't load when a certificate had expired by the time that something else was issued")
  func expired() throws {
    let bench = try Bench()
    try bench.expect(.expired, right: { $0.grant.chain.links[1].claims.notAfter = Moment.issued }) {
      $0.module.package.manifest.issuedAt = Moment.issued + 1
    }
    bench.device.state.time = Moment.present
    try bench.expect(.expired, right: { $0.module.package.chain.links[1].claims.notAfter = Moment.present }) {
      $0.module.package.chain.links[1].claims.notAfter = Moment.present - 1
    }
  }

  @Test("doesn't load when it is a boot stage")
  func stage() throws {
    let bench = try Bench()
    let module = try bench.module.file()
    let grant = try bench.grant.file()
    let world = try bench.device.startSecureWorld()
    for stage in Stage.allCases {
      #expect(try world.refusal(package: goodPackage(stage).file(), grant: grant) == .roleMismatch)
    }
    // Even by a signer who may sign all of it: by what it says of itself.
    var package = PackageFixture.stage(.bootFirmware, machine: linux_machine())
    package.chain = .module
    package.manifest.name = bench.module.name
    #expect(try world.refusal(package: package.file(), grant: grant) == .roleMismatch)
    // Nor are package and grant each other.
    #expect(try world.refusal(package: grant, grant: module) == .malformed)
    #expect(try world.refusal(package: module, grant: module) == .malformed)
    #expect(try world.refusal(package: grant, grant: grant) == .malformed)
    #expect(try world.refusal(package: module, grant: grant) == nil)
  }

  @Test("of another vendor doesn't load beside the first; the same vendor's does")
  func vendors() throws {
    let bench = try Bench()
    var second = bench
    second.module = try ChainTests.module(answering: 43)
    second.module.name = testName("com.acme.other")
    second.grant.terms.module = second.module.name
    var foreign = bench
    foreign.module = try ChainTests.module(answering: 44)
    foreign.module.name = testName("com.other.codec")
    foreign.module.package.chain = ChainFixture(
      root: .bootRoot, [LinkFixture("Other", [.grant, .module], scope: "com.other.")])
    foreign.grant.chain = foreign.module.package.chain
    foreign.grant.terms.module = foreign.module.name
    foreign.grant.terms.issuer = foreign.grant.chain.last.thumbprint
    #expect(
      try bench.load([bench, foreign, second, foreign])
        == ["answer 42", refused(.scopeConflict), "answer 43", refused(.scopeConflict)])
    #expect(try bench.load([foreign, bench, foreign]) == ["answer 44", refused(.scopeConflict), "answer 44"])
  }
}
