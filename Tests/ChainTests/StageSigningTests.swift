import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

@Suite("A boot stage that isn't signed as it must be", .enabled(if: devicesAvailable, needsDevices))
struct StageSigningTests {
  /// Boots with the stage changed in one way that is right, then in one that is wrong.
  private func expect(
    _ stage: Stage, _ errorClass: ErrorClass, right: (inout PackageFixture) -> Void = { _ in },
    wrong: (inout PackageFixture) -> Void, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let device = try loadingDevice()
    var package = try goodPackage(stage)
    right(&package)
    try device.install(package, as: stage)
    expectRuns(try device.boot(), sourceLocation: sourceLocation)
    wrong(&package)
    try device.install(package, as: stage)
    expectRefused(try device.boot(), stage, errorClass, sourceLocation: sourceLocation)
  }

  @Test("doesn't start when the signer has another role", arguments: Stage.allCases)
  func role(stage: Stage) throws {
    for role in Role.known where role != stage.role {
      try expect(stage, .roleMismatch) { $0.chain.links[0].claims.roles = [role] }
    }
  }

  @Test("doesn't start when its name is outside the signer's scope", arguments: Stage.allCases)
  func scope(stage: Stage) throws {
    try expect(
      stage, .scopeViolation, right: { $0.chain.links[0].claims.scope = testScope("org.platform.stage") },
      wrong: { $0.chain.links[0].claims.scope = testScope("org.platform.stag") })
  }

  @Test("doesn't start when another key than the certified one signed it", arguments: Stage.allCases)
  func signer(stage: Stage) throws {
    try expect(stage, .signatureInvalid, right: { $0.signer = $0.chain.last }, wrong: { $0.signer = .stranger })
  }

  @Test("doesn't start when it was signed as another kind of object", arguments: Stage.allCases)
  func type(stage: Stage) throws {
    try expect(stage, .roleMismatch, right: { $0.type = Manifest.type }, wrong: { $0.type = Grant.type })
  }

  @Test("doesn't start in another stage's place, even if the signer may sign all stages", arguments: Stage.allCases)
  func place(stage: Stage) throws {
    let roles: [Role] = [.bootDecryptor, .bootFirmware, .bootLoader]
    let device = try loadingDevice()
    for other in Stage.allCases where other != stage {
      var package = try goodPackage(other)
      package.chain.links[0].claims.roles = roles
      try device.install(package, as: stage)
      expectRefused(try device.boot(), stage, .roleMismatch, "\(other.name)")
    }
    var package = try goodPackage(stage)
    package.chain.links[0].claims.roles = roles
    try device.install(package, as: stage)
    expectRuns(try device.boot())
  }

  @Test("doesn't start when it is a module", arguments: Stage.allCases)
  func module(stage: Stage) throws {
    let device = try loadingDevice()
    expectRuns(try device.boot())
    try device.install(ChainTests.module().file(), as: stage)
    expectRefused(try device.boot(), stage, .roleMismatch)
  }

  @Test("doesn't start when its chain widens", arguments: Stage.allCases)
  func widening(stage: Stage) throws {
    let role = stage.role
    func chain(_ upper: LinkFixture, _ lower: LinkFixture) -> ChainFixture {
      ChainFixture(root: .bootRoot, [upper, lower])
    }
    let platform = LinkFixture("Platform", [role], scope: "org.platform.", depth: 1)
    let signer = LinkFixture("Signer", [role], scope: "org.platform.")
    let right: (inout PackageFixture) -> Void = { $0.chain = chain(platform, signer) }

    var wider = signer
    wider.claims.roles = [role, .module].sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    try expect(stage, .chainInvalid, right: right) { $0.chain = chain(platform, wider) }

    wider = signer
    wider.claims.scope = testScope("org.")
    try expect(stage, .chainInvalid, right: right) { $0.chain = chain(platform, wider) }

    wider = signer
    wider.claims.depth = 1
    try expect(stage, .chainInvalid, right: right) { $0.chain = chain(platform, wider) }

    var shallow = platform
    shallow.claims.depth = 0
    try expect(stage, .chainInvalid, right: right) { $0.chain = chain(shallow, signer) }
  }
}
