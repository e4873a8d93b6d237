import BootChain
import CLinux
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat

/// A stage that must not run, for one reason alone.
struct BadStage {
  let name: String
  let expected: ErrorClass
  let change: (inout PackageFixture, Stage) throws -> Void

  init(_ name: String, _ expected: ErrorClass, _ change: @escaping (inout PackageFixture, Stage) throws -> Void) {
    self.name = name
    self.expected = expected
    self.change = change
  }

  /// One for each thing that is decided about a stage (SPEC 3.4, 4.4, 7.2). What devices of these tests trust is
  /// ``BootState/ofSkips``.
  static var all: [BadStage] {
    [
      BadStage("untrusted-root", .untrustedRoot) { package, _ in package.chain.root = .stranger },
      BadStage("revoked-root", .revokedRoot) { package, _ in package.chain.root = TestKey("revoked root") },
      BadStage("forged-certificate", .signatureInvalid) { package, _ in package.chain.links[0].signer = .stranger },
      BadStage("certificate-of-another-type", .roleMismatch) { package, _ in
        package.chain.links[0].type = Manifest.type
      },
      BadStage("wider-roles", .chainInvalid) { package, stage in
        package.chain = chain(
          LinkFixture("Platform", [.module], scope: "org.platform.", depth: 1),
          LinkFixture("Signer", [stage.role], scope: "org.platform."))
      },
      BadStage("wider-scope", .chainInvalid) { package, stage in
        package.chain = chain(
          LinkFixture("Platform", [stage.role], scope: "com.acme.", depth: 1),
          LinkFixture("Signer", [stage.role], scope: "org.platform."))
      },
      BadStage("no-depth", .chainInvalid) { package, stage in
        package.chain = chain(
          LinkFixture("Platform", [stage.role], scope: "org.platform."),
          LinkFixture("Signer", [stage.role], scope: "org.platform."))
      },
      BadStage("expired", .expired) { package, _ in package.chain.links[0].claims.notAfter = Moment.issued - 1 },
      BadStage("another-role", .roleMismatch) { package, _ in package.chain.links[0].claims.roles = [.module] },
      BadStage("forged", .signatureInvalid) { package, _ in package.signer = .stranger },
      BadStage("of-another-type", .roleMismatch) { package, _ in package.type = Grant.type },
      BadStage("outside-of-scope", .scopeViolation) { package, _ in
        package.chain.links[0].claims.scope = testScope("com.acme.")
      },
      BadStage("another-stage", .roleMismatch) { package, stage in
        let roles: [Role] = [.bootDecryptor, .bootFirmware, .bootLoader]
        package.chain.links[0].claims.roles = roles
        package.manifest.role = roles.first { $0 != stage.role } ?? stage.role
      },
      BadStage("for-another-processor", .wrongArchitecture) { package, _ in package.manifest.machine ^= 0x100 },
      BadStage("below-the-floor", .rollback) { package, _ in package.manifest.securityVersion = 2 },
      BadStage("tampered", .digestMismatch) { package, _ in package.payload[package.payload.count - 1] ^= 1 },
    ]
  }

  private static func chain(_ upper: LinkFixture, _ lower: LinkFixture) -> ChainFixture {
    ChainFixture(root: .bootRoot, [upper, lower])
  }

  /// The package of a program as a stage: bad in this way.
  func package(_ stage: Stage, _ program: [UInt8]) throws -> PackageFixture {
    var package = PackageFixture.stage(stage.role, machine: linux_machine(), payload: program)
    try change(&package, stage)
    return package
  }
}

extension BootState {
  /// Trusts a second root, which is revoked.
  static var ofSkips: BootState {
    var state = BootState.fixture
    state.bootRoots = .of(.bootRoot, TestKey("revoked root"), revoked: 2)
    return state
  }
}
