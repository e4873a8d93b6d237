import CBOR
import COSE
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

/// A way to make a chain one that must be refused, and the class.
struct ChainCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let expected: ErrorClass?
  let verifier: ChainVerifier
  let change: @Sendable (inout ChainFixture) -> Void

  init(
    _ description: String, _ expected: ErrorClass?, by verifier: ChainVerifier = .device,
    _ change: @escaping @Sendable (inout ChainFixture) -> Void = { _ in }
  ) {
    testDescription = description
    self.expected = expected
    self.verifier = verifier
    self.change = change
  }
}

/// SPEC 3.4, steps 1 to 4.
@Suite("Verifying a chain")
struct ChainTests {
  private func verify(
    _ chain: ChainFixture, role: Role = .module, by verifier: ChainVerifier = .device
  ) throws -> ChainVerifier.Authority {
    try verifier.verify(CertificateChain(encoded: chain.encoded()), role: role)
  }

  private func refusal(_ chain: ChainFixture, by verifier: ChainVerifier = .device) throws -> ErrorClass? {
    let encoded = try chain.encoded()
    return FormatFixtures.refusal { () throws(FormatError) in
      _ = try verifier.verify(CertificateChain(encoded: encoded), role: .module)
    }
  }

  @Test("says whose key it ends in, and what that may do")
  func authority() throws {
    var chain = ChainFixture.module
    chain.links[0].claims.issuedAt = Moment.issued + 5
    let verifier = ChainVerifier(anchors: .of(.stranger, .bootRoot), time: ChainVerifier.device.time)
    let authority = try verify(chain, by: verifier)
    #expect(authority.root == TestKey.bootRoot.thumbprint)
    #expect(authority.key == chain.last.publicKey)
    #expect(authority.keyThumbprint == chain.last.thumbprint)
    #expect(authority.scope == testScope("com.acme."))
    #expect(authority.issuedAt == Moment.issued + 5)
  }

  @Test("takes the first scope that isn't empty for the vendor's")
  func vendorScope() throws {
    func vendorScope(_ scopes: String...) throws -> Scope {
      let links = scopes.enumerated().map { index, scope in
        LinkFixture("\(index)", [.module], scope: scope, depth: scopes.count - 1 - index)
      }
      return try verify(ChainFixture(root: .bootRoot, links)).vendorScope
    }
    #expect(try vendorScope("", "com.acme.", "com.acme.codec") == testScope("com.acme."))
    #expect(try vendorScope("com.", "com.acme.") == testScope("com."))
    #expect(try vendorScope("com.acme.codec") == testScope("com.acme.codec"))
    #expect(try vendorScope("", "") == .everything)
  }

  @Test("works with keys of both kinds")
  func algorithms() throws {
    let root = TestKey(.es256)
    let chain = ChainFixture(
      root: root,
      [
        LinkFixture("Ed25519", [.module], depth: 2),
        LinkFixture("P-256", [.module], depth: 1, key: TestKey(.es256)),
        LinkFixture("P-256 again", [.module], key: TestKey(.es256)),
      ])
    let verifier = ChainVerifier(anchors: .of(root), time: ChainVerifier.device.time)
    #expect(try verify(chain, by: verifier).key == chain.last.publicKey)
  }

  static let cases: [ChainCase] = {
    func at(_ time: TimeBasis) -> ChainVerifier { ChainVerifier(anchors: .of(.bootRoot), time: time) }
    func trusting(_ anchors: TrustAnchors) -> ChainVerifier {
      ChainVerifier(anchors: anchors, time: ChainVerifier.device.time)
    }
    let clock = at(TimeBasis(lowerBound: 0, trustedClock: Moment.present))
    let present = Moment.present
    return [
      ChainCase("unchanged", nil),
      ChainCase("unchanged, with a trusted clock", nil, by: clock),

      // Step 1.
      ChainCase("unknown root", .untrustedRoot) { $0.root = .stranger },
      ChainCase("known root, but not trusted", .untrustedRoot, by: trusting(.of(.deviceRoot))),
      ChainCase("nothing trusted", .untrustedRoot, by: trusting(TrustAnchors(thumbprints: []))),
      ChainCase("revoked root", .revokedRoot, by: trusting(.of(.bootRoot, revoked: 1))),
      ChainCase("revoked root in slot 1", .revokedRoot, by: trusting(.of(.stranger, .bootRoot, revoked: 2))),
      ChainCase("another root revoked", nil, by: trusting(.of(.stranger, .bootRoot, revoked: 0b1111_1101))),
      ChainCase(
        "root in a ninth slot", nil,
        by: trusting(
          TrustAnchors(
            thumbprints: (0..<300).map { bytes(named: "\($0)") } + [TestKey.bootRoot.thumbprint], revoked: 0xff))),
      ChainCase("a root that claims to be trusted, certificates of another", .signatureInvalid) { chain in
        chain.links[0].signer = .stranger
      },

      // Step 3.1: what a certificate may be.
      ChainCase("an unprotected header", .malformed) { chain in
        chain.links[1].editSigned = { signed in
          // 18([h'…', {}, …: the empty map follows the protected header.
          let place = 3 + 1 + Int(signed[3])
          return signed[..<place] + [0xa1, 4, 0x40] + signed[(place + 1)...]
        }
      },
      ChainCase("signed as ES256 by an Ed25519 key's certificate", .malformed) { $0.links[1].signer = TestKey(.es256) },
      ChainCase("typ of a manifest", .roleMismatch) { $0.links[1].type = Manifest.type },
      ChainCase("typ of a grant", .roleMismatch) { $0.links[0].type = Grant.type },
      ChainCase("no roles", .malformed) { $0.links[1].claims.roles = [] },
      ChainCase("sixteen roles", nil) { chain in
        let roles = [Role.module] + (0..<15).map { testRole("x" + String(repeating: "y", count: $0)) }
        for index in 0...1 { chain.links[index].claims.roles = roles }
      },
      ChainCase("seventeen roles", .limitExceeded) { chain in
        chain.links[0].claims.roles = (0..<17).map { testRole("x" + String(repeating: "y", count: $0)) }
      },
      ChainCase("roles out of order", .malformed) { $0.links[0].claims.roles = [.module, .grant] },
      ChainCase("a role twice", .malformed) { $0.links[0].claims.roles = [.grant, .module, .module] },
      ChainCase("an unknown role besides", nil) { chain in
        for index in 0...1 { chain.links[index].claims.roles = [.module, testRole("station")] }
      },
      changing("an empty role", -70001, to: [0x81, 0x60]),
      changing("a role of 33 letters", -70001, to: [0x81, 0x78, 33] + [UInt8](repeating: 0x61, count: 33)),
      changing("a role with a capital", -70001, to: [0x81, 0x61, 0x41]),
      changing("an empty subject", 2, to: [0x60]),
      changing("a subject of 65 bytes", 2, to: [0x78, 65] + [UInt8](repeating: 0x61, count: 65)),
      changing("a subject of 64 bytes", 2, to: [0x78, 64] + [UInt8](repeating: 0x61, count: 64), nil),
      changing("a subject that isn't UTF-8", 2, to: [0x62, 0xc0, 0x80]),
      changing("a scope that is none", -70002, to: [0x63] + Array("com".utf8)),
      changing("a scope of 129 bytes", -70002, to: [0x78, 129] + [UInt8](repeating: 0x61, count: 128) + [0x2e]),
      changing("a depth of 6", -70003, to: [6]),
      changing("a depth beyond all integers", -70003, to: [0x1b] + [UInt8](repeating: 0xff, count: 8)),
      changing("no confirmation key", 8, to: [0xa0]),
      changing("a confirmation by key id", 8, to: [0xa1, 3, 0x41, 0]),
      changing("a confirmation key and its id", 8) { key in [0xa2] + key.dropFirst() + [3, 0x41, 0] },
      changing("a confirmation key that can't sign", 8) { _ in
        [0xa1, 1] + COSEKey.encode(x25519: TestGrantKey.device.publicKey)
      },
      changing("an issue time of 2^63", 6, to: [0x1b, 0x80] + [UInt8](repeating: 0, count: 7), .limitExceeded),
      changing("an issue time of 2^63 - 1", 6, to: [0x1b, 0x7f] + [UInt8](repeating: 0xff, count: 7), nil),
      changing("a not-after of 2^64 - 1", 4, to: [0x1b] + [UInt8](repeating: 0xff, count: 8), .limitExceeded),

      // Step 3.2: depth.
      ChainCase("below a certificate of depth 0", .chainInvalid) { $0.links[0].claims.depth = 0 },
      ChainCase("as deep as its issuer", .chainInvalid) { $0.links[1].claims.depth = 1 },
      ChainCase("deeper than its issuer", .chainInvalid) { $0.links[1].claims.depth = 5 },
      ChainCase("as deep as a root allows", nil) { $0.links[0].claims.depth = 5 },
      ChainCase("less deep than it might be", nil) { chain in
        chain.links[0].claims.depth = 5
        chain.links[1].claims.depth = 0
      },
      ChainCase("six certificates", nil) { $0.links = deep(6) },
      ChainCase("six certificates, the fifth too deep", .chainInvalid) { chain in
        chain.links = deep(6)
        chain.links[4].claims.depth = 2
      },
      ChainCase("seven certificates", .limitExceeded) { $0.links = deep(7) },
      ChainCase("no certificate", .malformed) { $0.links = [] },

      // Step 3.3: signatures.
      ChainCase("first certificate by another key", .signatureInvalid) { $0.links[0].signer = .stranger },
      ChainCase("second certificate by another key", .signatureInvalid) { $0.links[1].signer = .stranger },
      ChainCase("second certificate by the root", .signatureInvalid) { $0.links[1].signer = .bootRoot },
      ChainCase("second certificate by itself", .signatureInvalid) { $0.links[1].signer = $0.links[1].key },

      // Step 3.4: what may be handed on.
      ChainCase("a role that the issuer hasn't", .chainInvalid) { chain in
        chain.links[1].claims.roles = [.bootLoader, .module]
      },
      ChainCase("an unknown role that the issuer hasn't", .chainInvalid) { chain in
        chain.links[1].claims.roles = [.module, testRole("station")]
      },
      ChainCase("the same roles", nil) { $0.links[1].claims.roles = [.grant, .module] },
      ChainCase("all scopes below a scope", .chainInvalid) { $0.links[1].claims.scope = .everything },
      ChainCase("a wider scope", .chainInvalid) { $0.links[1].claims.scope = testScope("com.") },
      ChainCase("a neighbour's scope", .chainInvalid) { $0.links[1].claims.scope = testScope("com.acmex.") },
      ChainCase("the name without the dot", .chainInvalid) { $0.links[1].claims.scope = testScope("com.acme") },
      ChainCase("a narrower scope", nil) { $0.links[1].claims.scope = testScope("com.acme.codec") },

      // Step 3.5: times.
      ChainCase("not-after now", nil) { $0.links[0].claims.notAfter = present },
      ChainCase("not-after a second ago", .expired) { $0.links[0].claims.notAfter = present - 1 },
      ChainCase("the last one's not-after a second ago", .expired) { $0.links[1].claims.notAfter = present - 1 },
      ChainCase("expired by a trusted clock", .expired, by: clock) { $0.links[1].claims.notAfter = present - 1 },
      ChainCase("not-before in a second, no clock", nil) { $0.links[0].claims.notBefore = present + 1 },
      ChainCase("not-before in a second", .notYetValid, by: clock) { $0.links[0].claims.notBefore = present + 1 },
      ChainCase("the last one's not-before in a second", .notYetValid, by: clock) { chain in
        chain.links[1].claims.notBefore = present + 1
      },
      ChainCase("not-before now", nil, by: clock) { $0.links[1].claims.notBefore = present },
      ChainCase("expired before it became valid", .expired, by: clock) { chain in
        chain.links[0].claims.notAfter = present - 1
        chain.links[0].claims.notBefore = present + 1
      },

      // Step 4.
      ChainCase("without the role", .roleMismatch) { $0.links[1].claims.roles = [.grant] },
      ChainCase("with a role that begins alike", .roleMismatch) { chain in
        for index in 0...1 { chain.links[index].claims.roles = [testRole("modul"), testRole("modules")] }
      },
    ]
  }()

  /// Changes one claim of the first certificate.
  private static func changing(
    _ description: String, _ label: Int64, _ expected: ErrorClass? = .malformed,
    _ change: @escaping @Sendable ([UInt8]) -> [UInt8]
  ) -> ChainCase {
    ChainCase(description, expected) { chain in
      chain.links[0].edit = editMap { $0.set(label, to: change($0.value(label) ?? [])) }
    }
  }

  private static func changing(
    _ description: String, _ label: Int64, to value: [UInt8], _ expected: ErrorClass? = .malformed
  ) -> ChainCase {
    changing(description, label, expected) { _ in value }
  }

  private static func deep(_ count: Int) -> [LinkFixture] {
    (0..<count).map { LinkFixture("\($0)", [.module], depth: max(5 - $0, 0)) }
  }

  @Test("gives the class of SPEC 3.4", arguments: cases)
  func classes(_ chainCase: ChainCase) throws {
    var chain = ChainFixture.module
    chainCase.change(&chain)
    #expect(try refusal(chain, by: chainCase.verifier) == chainCase.expected)
  }

  private static let labels: [Int64] = [2, 6, 8, -70001, -70002, -70003]
  static let breakages = Breakage.all(required: labels) + Breakage.values(of: labels + [4, 5])

  @Test("refuses claims that aren't in their one form", arguments: breakages)
  func broken(_ breakage: Breakage) throws {
    for index in 0...1 {
      var chain = ChainFixture.module
      chain.links[index].edit = breakage.edit
      #expect(try refusal(chain) == .malformed, "certificate \(index)")
    }
  }

  @Test("lets no certificate stand in for one of another chain")
  func transplant() throws {
    let mine = ChainFixture(
      root: .bootRoot,
      [
        LinkFixture("mine", [.module], scope: "com.mine.", depth: 1),
        LinkFixture("my key", [.module], scope: "com.mine."),
      ])
    let certificates = [try ChainFixture.module.certificates()[0], try mine.certificates()[1]]
    let encoded = CertificateChain.encode(root: TestKey.bootRoot.publicKey, certificates: certificates)
    let refused = FormatFixtures.refusal { () throws(FormatError) in
      _ = try ChainVerifier.device.verify(CertificateChain(encoded: encoded), role: .module)
    }
    #expect(refused == .signatureInvalid)
    let swapped = CertificateChain.encode(
      root: TestKey.bootRoot.publicKey, certificates: try ChainFixture.module.certificates().reversed())
    #expect(throws: FormatError.self) {
      try ChainVerifier.device.verify(CertificateChain(encoded: swapped), role: .module)
    }
  }

  @Test("refuses every role but those of the last certificate")
  func roles() throws {
    for role in Role.known {
      let expected: ErrorClass? = role == .module ? nil : .roleMismatch
      let encoded = try ChainFixture.module.encoded()
      let refused = FormatFixtures.refusal { () throws(FormatError) in
        _ = try ChainVerifier.device.verify(CertificateChain(encoded: encoded), role: role)
      }
      #expect(refused == expected)
    }
  }

  @Test("shows claims as they were written")
  func unverified() throws {
    var chain = ChainFixture.module
    chain.links[0].claims.notBefore = 17
    chain.links[0].claims.notAfter = 0
    let parsed = try CertificateChain(encoded: chain.encoded())
    for (index, link) in chain.links.enumerated() { #expect(try parsed.unverifiedClaims(at: index) == link.claims) }
    #expect(try parsed.unverifiedLastKey() == chain.last.publicKey)
  }
}
