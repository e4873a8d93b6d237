import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat

/// A module's package and its grant.
struct Load {
  var module: ModuleFixture
  var grant: GrantFixture
  /// Changes the package once its payload is there and signed for.
  var editSealed: (inout PackageFixture) throws -> Void = { _ in }

  func package() throws -> [UInt8] {
    var sealed = try module.sealed()
    try editSealed(&sealed)
    return try sealed.file()
  }
}

/// A load that must be refused, for one reason alone.
struct BadLoad {
  let name: String
  let expected: ErrorClass
  let change: (inout Load) throws -> Void

  init(_ name: String, _ expected: ErrorClass, _ change: @escaping (inout Load) throws -> Void) {
    self.name = name
    self.expected = expected
    self.change = change
  }

  /// One for each thing that is decided about a load (SPEC 3.4, 4.4, 5, 5.3, 8, 9.1), by a device that has loaded the module
  /// with security version and sequence number 6, and has seen ``statusList()``.
  static var all: [BadLoad] {
    chain("package") { change in { change(&$0.module.package.chain, .module) } }
      + chain("grant") { change in { change(&$0.grant.chain, .grant) } } + package + terms + memory
  }

  private typealias Change = (inout ChainFixture, Role) -> Void

  private static func chain(_ what: String, _ at: (@escaping Change) -> (inout Load) throws -> Void) -> [BadLoad] {
    let changes: [(String, ErrorClass, Change)] = [
      ("untrusted-root", .untrustedRoot, { chain, _ in chain.root = .stranger }),
      ("revoked-root", .revokedRoot, { chain, _ in chain.root = TestKey("revoked root") }),
      ("forged-certificate", .signatureInvalid, { chain, _ in chain.links[1].signer = .stranger }),
      ("certificate-of-another-type", .roleMismatch, { chain, _ in chain.links[1].type = Manifest.type }),
      ("wider-roles", .chainInvalid, { chain, _ in chain.links[0].claims.roles = [.status] }),
      ("wider-scope", .chainInvalid, { chain, _ in chain.links[0].claims.scope = testScope("com.acme.codec.") }),
      ("no-depth", .chainInvalid, { chain, _ in chain.links[0].claims.depth = 0 }),
      ("expired", .expired, { chain, _ in chain.links[1].claims.notAfter = Moment.present - 1 }),
      ("not-yet-valid", .notYetValid, { chain, _ in chain.links[1].claims.notBefore = Moment.present + 1 }),
      (
        "another-role", .roleMismatch,
        { chain, role in chain.links[1].claims.roles = [role == .module ? .grant : .module] }
      ),
      ("outside-of-scope", .scopeViolation, { chain, _ in chain.links[1].claims.scope = testScope("com.acme.other") }),
    ]
    return changes.map { BadLoad("\(what)-\($0.0)", $0.1, at($0.2)) }
  }

  private static var package: [BadLoad] {
    [
      BadLoad("forged-package", .signatureInvalid) { $0.module.package.signer = .stranger },
      BadLoad("package-of-another-type", .roleMismatch) { $0.module.package.type = Grant.type },
      BadLoad("for-another-processor", .wrongArchitecture) { $0.module.package.manifest.machine ^= 0x100 },
      BadLoad("tampered", .digestMismatch) { load in
        // Another encryption of the same: the content key is no secret of the vendor's alone.
        let other = try load.module.sealed().payload
        load.editSealed = { $0.payload = other }
      },
    ]
  }

  private static var terms: [BadLoad] {
    [
      BadLoad("forged-grant", .signatureInvalid) { $0.grant.signer = .stranger },
      BadLoad("grant-of-another-type", .roleMismatch) { $0.grant.type = Manifest.type },
      BadLoad("wrong-module", .wrongModule) { $0.grant.terms.module = testName("com.acme.other") },
      BadLoad("wrong-epoch", .wrongEpoch) { $0.grant.terms.epoch = 8 },
      BadLoad("wrong-device", .wrongDevice) { $0.grant.terms.deviceID = bytes(named: "another device") },
      BadLoad("wrong-lifecycle", .wrongLifecycle) { $0.grant.terms.lifecycle = .debug },
      BadLoad("wrong-grant-key", .wrongGrantKey) {
        $0.grant.terms.grantKeyThumbprint = TestGrantKey("former").thumbprint
      },
      BadLoad("another-issuer", .malformed) { $0.grant.terms.issuer = TestKey.stranger.thumbprint },
      BadLoad("version-out-of-range", .versionOutOfRange) {
        $0.grant.terms.versions = VersionRange(Version(2, 0, 0), Version(2, 0, 0))
      },
      BadLoad("terms-expired", .expired) { $0.grant.terms.notAfter = Moment.present - 1 },
      BadLoad("terms-not-yet-valid", .notYetValid) { $0.grant.terms.notBefore = Moment.present + 1 },
      BadLoad("wrapped-for-another", .keyUnwrapFailed) { $0.grant.recipientKey = TestGrantKey("another").publicKey },
      BadLoad("another-content-key", .decryptionFailed) { $0.grant.contentKey = bytes(named: "another content key") },
    ]
  }

  private static var memory: [BadLoad] {
    [
      BadLoad("superseded", .rollback) { $0.grant.terms.sequence = 5 },
      BadLoad("below-the-floor", .rollback) { $0.module.package.manifest.securityVersion = 5 },
      BadLoad("status-required-by-grant", .statusRequired) { $0.grant.terms.minimumStatus = 3 },
      BadLoad("status-required-by-package", .statusRequired) { $0.module.package.manifest.minimumStatus = 3 },
      BadLoad("revoked-package-key", .revoked) { $0.module.package.chain.links[1] = revokedLink(.module) },
      BadLoad("revoked-grant-key", .revoked) {
        $0.grant.chain.links[1] = revokedLink(.grant)
        $0.grant.terms.issuer = TestKey("revoked").thumbprint
      },
      BadLoad("revoked-version", .revoked) { $0.module.package.manifest.version = Version(1, 0, 0) },
      BadLoad("below-a-list's-floor", .rollback) {
        $0.module.name = testName("com.acme.floored")
        $0.grant.terms.module = testName("com.acme.floored")
      },
      BadLoad("another-vendor", .scopeConflict) {
        $0.module.name = testName("org.other.codec")
        $0.grant.terms.module = testName("org.other.codec")
        for index in 0..<2 {
          $0.module.package.chain.links[index].claims.scope = testScope("org.other.")
          $0.grant.chain.links[index].claims.scope = testScope("org.other.")
        }
      },
    ]
  }

  private static func revokedLink(_ role: Role) -> LinkFixture {
    LinkFixture("Revoked", [role], scope: "com.acme.", key: TestKey("revoked"))
  }

  /// What the device has seen: a key, a version and what is below a security version are refused.
  static func statusList() -> StatusListFixture {
    var list = StatusListFixture()
    list.list.number = 2
    list.list.keys = [TestKey("revoked").thumbprint]
    if let range = VersionRange(Version(1, 0, 0), Version(1, 0, 0)) {
      list.list.versions = [StatusList.RefusedVersions(testName("com.acme.codec"), range)]
    }
    list.list.floors = [StatusList.SecurityFloor(testName("com.acme.floored"), 9)]
    return list
  }
}

/// A status list that must be refused, for one reason alone.
struct BadStatusList {
  let name: String
  let expected: ErrorClass
  let list: StatusListFixture

  init(_ name: String, _ expected: ErrorClass, _ change: (inout StatusListFixture) -> Void) {
    self.name = "list-\(name)"
    self.expected = expected
    var list = StatusListFixture()
    list.list.number = 3
    change(&list)
    self.list = list
  }

  static var all: [BadStatusList] {
    [
      BadStatusList("untrusted-root", .untrustedRoot) { $0.chain.root = .stranger },
      BadStatusList("revoked-root", .revokedRoot) { $0.chain.root = TestKey("revoked root") },
      BadStatusList("forged-certificate", .signatureInvalid) { $0.chain.links[1].signer = .stranger },
      BadStatusList("another-role", .roleMismatch) { $0.chain.links[1].claims.roles = [.module] },
      BadStatusList("forged", .signatureInvalid) { $0.signer = .stranger },
      BadStatusList("of-another-type", .roleMismatch) { $0.type = Grant.type },
      BadStatusList("outside-of-scope", .scopeViolation) { $0.list.scope = testScope("org.other.") },
      BadStatusList("older", .rollback) { $0.list.number = 1 },
      BadStatusList("of-the-same-number", .rollback) { $0.list.number = 2 },
      BadStatusList("too-far-ahead", .limitExceeded) { $0.list.number = 2 + Limits.statusJump + 1 },
    ]
  }
}
