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
    var request = CommonGrantTerms(
      module: testName("com.acme.codec"), epoch: 3, issuedAt: now, lifecycle: .secured)
    request.notBefore = now - 10
    request.notAfter = now + 10
    request.versions = VersionRange(Version(1, 0, 0), Version(1, 9, 9))
    request.features = [1, 2, 3]
    let device = try identity()
    let grant = try GrantFile(issue(request, to: device, sequence: 9)).verify(with: .device).value
    let isSame = try grant.unwrap(with: TestGrantKey.device.key).isEqual(to: secret(named: "content key"))
    #expect(isSame)
    let terms = grant.terms
    #expect(terms.module == request.module)
    #expect(terms.epoch == 3)
    #expect(terms.sequence == 9)
    #expect(terms.deviceID == device.value.deviceID)
    #expect(terms.grantKeyThumbprint == TestGrantKey.device.thumbprint)
    #expect(terms.issuer == TestKey("Acme grants").thumbprint)
    #expect(terms.issuedAt == now)
    #expect(terms.notBefore == now - 10)
    #expect(terms.notAfter == now + 10)
    #expect(terms.versions == request.versions)
    #expect(terms.features == [1, 2, 3])
    #expect(terms.lifecycle == .secured)
  }

  @Test("refuses a device in another life-cycle state than the one granted to")
  func lifecycle() throws {
    let request = terms("com.acme.codec")
    let debug = try identity(.debug)
    #expect(throws: PackagingError.wrongLifecycle(device: .debug, grant: .secured)) {
      try issue(request, to: debug)
    }
  }

  @Test("refuses a module outside the signer's scope, and a validity that ends before it begins or now")
  func refusedTerms() throws {
    let device = try identity()
    let foreign = terms("com.other.codec")
    #expect(throws: PackagingError.scopeViolation(testScope("com.acme."))) { try issue(foreign, to: device) }
    var backwards = terms("com.acme.codec")
    backwards.notBefore = now
    backwards.notAfter = now - 1
    let request = backwards
    #expect(throws: PackagingError.validityEndsBeforeItBegins) { try issue(request, to: device) }
    var late = foreign
    late.module = testName("com.acme.codec")
    late.notAfter = now - 1
    let past = late
    #expect(throws: PackagingError.alreadyExpired) { try issue(past, to: device) }
    late.notAfter = now
    _ = try issue(late, to: device)
  }
}

private func terms(_ module: String) -> CommonGrantTerms {
  CommonGrantTerms(module: testName(module), epoch: 1, issuedAt: now, lifecycle: .secured)
}

private func issue(
  _ terms: CommonGrantTerms, to device: Verified<DeviceIdentity>, sequence: UInt64 = 1
) throws -> [UInt8] {
  let signer = try SigningIdentity(
    key: signingKey("Acme grants"), chain: ChainFixture.grant.chainFile(), role: .grant, now: now)
  let issuer = try GrantIssuer(terms, contentKey: secret(named: "content key"), signer: signer, now: now)
  return issuer.series.file(try issuer.issue(to: GrantRecipient(device), sequence: sequence))
}
