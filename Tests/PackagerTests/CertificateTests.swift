import COSE
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import Packager
import Testing

@Suite("Issuing a certificate")
struct CertificateTests {
  @Test("begins a chain at a root, and extends it, as verifiers take it")
  func chain() throws {
    let first = try issue(request("Acme", [.module, .grant, .module], depth: 2), by: "boot root", nil)
    let second = try issue(request("codecs", [.module], scope: "com.acme.audio."), by: "Acme", first)
    #expect(second.certificates.count == 2)
    #expect(second.certificates[0] == first.certificates[0])
    let authority = try ChainVerifier.device.verify(ChainFile(second.file).chain, role: .module)
    #expect(authority.key == TestKey("codecs").publicKey)
    #expect(authority.scope == testScope("com.acme.audio."))
    #expect(authority.vendorScope == testScope("com.acme."))
    // Sorted, and each role once.
    #expect(try first.chain.unverifiedClaims(at: 0).roles == [.grant, .module])
    #expect(try first.chain.unverifiedClaims(at: 0).issuedAt == now)
  }

  @Test("holds for P-256 keys on both sides")
  func p256() throws {
    let issuer = try SigningKey.generate(.es256)
    let root = try issuer.publicKey()
    let chain = try issueCertificate(
      request("Acme", [.module], key: TestKey(.es256)), issuer: issuer, chain: nil, now: now)
    let anchors = TrustAnchors(thumbprints: [try COSEKey.thumbprint(root)])
    let verifier = ChainVerifier(anchors: anchors, time: TimeBasis(lowerBound: now, trustedClock: nil))
    #expect(try verifier.verify(chain.chain, role: .module).scope == testScope("com.acme."))
  }

  @Test("never widens what the issuer holds")
  func widening() throws {
    let acme = try issue(request("Acme", [.module], depth: 1), by: "boot root", nil)
    refuses(.certificate(.roleNotHeld(.grant))) { try issue(request("x", [.module, .grant]), by: "Acme", acme) }
    refuses(.certificate(.scopeNotHeld(testScope("com.acme.")))) {
      try issue(request("x", [.module], scope: "com."), by: "Acme", acme)
    }
    refuses(.certificate(.scopeNotHeld(testScope("com.acme.")))) {
      try issue(request("x", [.module], scope: ""), by: "Acme", acme)
    }
    refuses(.certificate(.depth(issuer: 1))) { try issue(request("x", [.module], depth: 1), by: "Acme", acme) }
    let leaf = try issue(request("codecs", [.module]), by: "Acme", acme)
    refuses(.certificate(.depth(issuer: 0))) { try issue(request("x", [.module]), by: "codecs", leaf) }
    refuses(.certificate(.depth(issuer: 6))) { try issue(request("x", [.module], depth: 6), by: "boot root", nil) }
    refuses(.certificate(.depth(issuer: 6))) { try issue(request("x", [.module], depth: -1), by: "boot root", nil) }
  }

  @Test("takes only the key that the chain ends in, and never certifies that key itself")
  func keys() throws {
    let acme = try issue(request("Acme", [.module], depth: 1), by: "boot root", nil)
    refuses(.wrongSigningKey) { try issue(request("x", [.module]), by: "boot root", acme) }
    refuses(.certificate(.sameKey)) { try issue(request("Acme", [.module]), by: "Acme", acme) }
  }

  @Test("takes no chain that a verifier would refuse")
  func brokenChain() throws {
    var expired = ChainFixture.module
    expired.links[0].claims.notAfter = now - 1
    let chain = try expired.chainFile()
    refuses(.chain(FormatError(.expired, in: .certificate(0)))) {
      try issue(request("x", [.module]), by: "Acme codecs", chain)
    }
    var forged = ChainFixture.module
    forged.links[1].signer = .stranger
    let forgedChain = try forged.chainFile()
    refuses(.chain(FormatError(.signatureInvalid, in: .certificate(1)))) {
      try issue(request("x", [.module]), by: "Acme codecs", forgedChain)
    }
  }

  @Test("refuses texts, roles and times that make no certificate")
  func claims() throws {
    refuses(.certificate(.subject)) { try issue(request("", [.module]), by: "boot root", nil) }
    refuses(.certificate(.subject)) {
      try issue(request(String(repeating: "x", count: 65), [.module]), by: "boot root", nil)
    }
    refuses(.certificate(.roles)) { try issue(request("x", []), by: "boot root", nil) }
    refuses(.alreadyExpired) {
      try issue(request("x", [.module], notAfter: now - 1), by: "boot root", nil)
    }
    refuses(.validityEndsBeforeItBegins) {
      try issue(request("x", [.module], notBefore: now + 2, notAfter: now + 1), by: "boot root", nil)
    }
  }

  @Test("may begin in the future")
  func future() throws {
    let chain = try issue(request("x", [.module], notBefore: now + 1000), by: "boot root", nil)
    #expect(try chain.chain.unverifiedClaims(at: 0).notBefore == now + 1000)
  }
}

private func request(
  _ subject: String, _ roles: [Role], scope: String = "com.acme.", depth: Int = 0, key: TestKey? = nil,
  notBefore: UInt64? = nil, notAfter: UInt64? = nil
) -> CertificateRequest {
  CertificateRequest(
    subject: subject, key: (key ?? TestKey(subject)).publicKey, roles: roles, scope: testScope(scope), depth: depth,
    notBefore: notBefore, notAfter: notAfter)
}

private func issue(_ request: CertificateRequest, by issuer: String, _ chain: ChainFile?) throws -> ChainFile {
  try issueCertificate(request, issuer: signingKey(issuer), chain: chain, now: now)
}

private func refuses(
  _ error: PackagingError, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> ChainFile
) {
  #expect(throws: error, sourceLocation: sourceLocation) { _ = try body() }
}
