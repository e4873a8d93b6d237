import COSE
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import Packager
import SecretBytes
import Testing

@Suite("Issuing a grant")
struct GrantTests {
  @Test("wraps the content key to the device, under the terms")
  func wraps() throws {
    var common = terms()
    common.notBefore = now - 10
    common.notAfter = now + 10
    common.versions = VersionRange(Version(1, 0, 0), Version(1, 9, 9))
    common.features = [1, 2, 3]
    common.minimumStatus = 0
    let device = try identity()
    let issuer = try issuer(common)
    let record = try issuer.issue(to: GrantRecipient(device), sequence: 9)
    let grant = try GrantFile(issuer.series.file(record)).verify(with: .device).value
    let isSame = try grant.unwrap(with: TestGrantKey.device.key).isEqual(to: secret(named: "content key"))
    #expect(isSame)
    #expect(grant.terms.common == common)
    #expect(grant.terms.sequence == 9)
    #expect(grant.terms.deviceID == device.value.deviceID)
    #expect(grant.terms.grantKeyThumbprint == TestGrantKey.device.thumbprint)
    #expect(grant.terms.issuer == TestKey("Acme grants").thumbprint)
  }

  @Test("is for one device: no two have the same wrapped key, signature or terms")
  func unique() throws {
    let issuer = try issuer(terms())
    let device = try GrantRecipient(identity())
    let files = try (0..<3).map { _ in issuer.series.file(try issuer.issue(to: device, sequence: 1)) }
    #expect(Set(files).count == 3)
  }

  @Test("refuses a device in another life-cycle state than the one granted to")
  func lifecycle() throws {
    let issuer = try issuer(terms())
    let debug = try GrantRecipient(identity(.debug))
    #expect(throws: PackagingError.wrongLifecycle(device: .debug, grant: .secured)) {
      try issuer.issue(to: debug, sequence: 1)
    }
  }

  @Test("refuses a grant key that anybody could agree on a secret with")
  func lowOrder() throws {
    let issuer = try issuer(terms())
    let device = GrantRecipient(
      deviceID: bytes(named: "device"), grantKey: [UInt8](repeating: 0, count: 32), lifecycle: .secured)
    #expect(throws: PackagingError.unusableGrantKey) { try issuer.issue(to: device, sequence: 1) }
  }

  @Test("refuses a module outside the signer's scope, and a validity that ends before it begins or now")
  func badTerms() throws {
    var foreign = terms()
    foreign.module = testName("com.other.codec")
    try refuse(foreign, .scopeViolation(testScope("com.acme.")))
    var backwards = terms()
    backwards.notBefore = now
    backwards.notAfter = now - 1
    try refuse(backwards, .validityEndsBeforeItBegins)
    var late = terms()
    late.notAfter = now - 1
    try refuse(late, .alreadyExpired)
    late.notAfter = now
    _ = try issuer(late)
  }

  private func refuse(
    _ terms: CommonGrantTerms, _ expected: PackagingError, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(throws: expected, sourceLocation: sourceLocation) { _ = try issuer(terms) }
  }
}

@Suite("A grant key for a job")
struct JobKeyTests {
  @Test("signs grants that devices accept, under a certificate for this module and nothing else")
  func accepted() throws {
    let jobKey = try vendor().makeJobKey(for: terms(), now: now)
    let chain = jobKey.chain.chain
    #expect(chain.certificates.count == 2)
    let claims = try chain.unverifiedClaims(at: 1)
    #expect(claims.roles == [.grant])
    #expect(claims.scope == testScope("com.acme.codec"))
    #expect(claims.depth == 0)
    #expect(claims.notBefore == nil)
    #expect(!jobKey.mayCertifyJobKeys)

    let issuer = try GrantIssuer(terms(), contentKey: secret(named: "content key"), signer: jobKey, now: now)
    let record = try issuer.issue(to: GrantRecipient(identity()), sequence: 1)
    let grant = try GrantFile(issuer.series.file(record)).verify(with: .device)
    #expect(grant.value.terms.issuer == jobKey.authority.keyThumbprint)
    #expect(grant.authority.vendorScope == testScope("com.acme."))

    var other = terms()
    other.module = testName("com.acme.codec2")
    #expect(throws: PackagingError.scopeViolation(testScope("com.acme.codec"))) {
      _ = try GrantIssuer(other, contentKey: secret(named: "content key"), signer: jobKey, now: now)
    }
  }

  @Test("lasts exactly as long as the grants: a device refuses them together with their certificate, not before")
  func lasts() throws {
    var limited = terms()
    limited.notAfter = now + 1000
    let jobKey = try vendor().makeJobKey(for: limited, now: now)
    #expect(try jobKey.chain.chain.unverifiedClaims(at: 1).notAfter == now + 1000)
    #expect(try vendor().makeJobKey(for: terms(), now: now).chain.chain.unverifiedClaims(at: 1).notAfter == nil)

    let issuer = try GrantIssuer(limited, contentKey: secret(named: "content key"), signer: jobKey, now: now)
    let file = try GrantFile(issuer.series.file(issuer.issue(to: GrantRecipient(identity()), sequence: 1)))
    _ = try file.verify(with: device(at: now + 1000))
    #expect(throws: FormatError(.expired, in: .certificate(1))) { try file.verify(with: device(at: now + 1001)) }
  }

  @Test("is another one for every job")
  func fresh() throws {
    let vendor = try vendor()
    let first = try vendor.makeJobKey(for: terms(), now: now)
    let second = try vendor.makeJobKey(for: terms(), now: now)
    #expect(first.authority.key != second.authority.key)
  }

  @Test("needs a certificate that may certify further, in scope, and room in the chain")
  func refused() throws {
    let last = try SigningIdentity(
      key: signingKey("Acme grants"), chain: ChainFixture.grant.chainFile(), role: .grant, now: now)
    #expect(!last.mayCertifyJobKeys)
    #expect(throws: PackagingError.certificate(.depth(issuer: 0))) { _ = try last.makeJobKey(for: terms(), now: now) }

    var foreign = terms()
    foreign.module = testName("com.other.codec")
    #expect(throws: PackagingError.scopeViolation(testScope("com.acme."))) {
      _ = try vendor().makeJobKey(for: foreign, now: now)
    }
    #expect(try vendor().mayCertifyJobKeys)
  }

  private func vendor() throws -> SigningIdentity {
    let chain = ChainFixture(root: .bootRoot, [LinkFixture("Acme", [.module, .grant], scope: "com.acme.", depth: 1)])
    return try SigningIdentity(key: signingKey("Acme"), chain: chain.chainFile(), role: .grant, now: now)
  }

  private func device(at time: UInt64) -> ChainVerifier {
    ChainVerifier(anchors: .of(.bootRoot), time: TimeBasis(lowerBound: time, trustedClock: nil))
  }
}

private func terms() -> CommonGrantTerms {
  CommonGrantTerms(module: testName("com.acme.codec"), epoch: 3, issuedAt: now, lifecycle: .secured)
}

private func issuer(_ terms: CommonGrantTerms) throws -> GrantIssuer {
  let signer = try SigningIdentity(
    key: signingKey("Acme grants"), chain: ChainFixture.grant.chainFile(), role: .grant, now: now)
  return try GrantIssuer(terms, contentKey: secret(named: "content key"), signer: signer, now: now)
}
