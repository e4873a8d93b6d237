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
    var request = GrantRequest(
      module: testName("com.acme.codec"), epoch: 3, sequence: 9, lifecycle: .secured)
    request.notBefore = now - 10
    request.notAfter = now + 10
    request.versions = VersionRange(Version(1, 0, 0), Version(1, 9, 9))
    request.features = [1, 2, 3]
    let device = try identity()
    let grant = try GrantFile(issue(request, to: device)).verify(with: .device).value
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
    let request = GrantRequest(module: testName("com.acme.codec"), epoch: 1, sequence: 1, lifecycle: .secured)
    let debug = try identity(.debug)
    #expect(throws: PackagingError.wrongLifecycle(device: .debug, grant: .secured)) {
      try issue(request, to: debug)
    }
  }

  @Test("refuses a module outside the signer's scope, and a validity that ends before it begins or now")
  func terms() throws {
    let device = try identity()
    let foreign = GrantRequest(module: testName("com.other.codec"), epoch: 1, sequence: 1, lifecycle: .secured)
    #expect(throws: PackagingError.scopeViolation(testScope("com.acme."))) { try issue(foreign, to: device) }
    var backwards = GrantRequest(module: testName("com.acme.codec"), epoch: 1, sequence: 1, lifecycle: .secured)
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

private func issue(_ request: GrantRequest, to device: Verified<DeviceIdentity>) throws -> [UInt8] {
  let signer = try SigningIdentity(
    key: signingKey("Acme grants"), chain: ChainFixture.grant.chainFile(), role: .grant, now: now)
  let recipient = GrantRecipient(
    deviceID: device.value.deviceID, grantKey: device.value.grantKey, lifecycle: device.value.lifecycle)
  return try issueGrant(request, to: recipient, contentKey: secret(named: "content key"), signer: signer, now: now)
}
