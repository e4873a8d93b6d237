public import HuskFormat

/// Points in time that fixtures use, in seconds since 1970.
public enum Moment {
  /// When fixtures are issued.
  public static let issued: UInt64 = 1_790_000_000
  /// What verifiers take for the present.
  public static let present: UInt64 = 1_800_000_000
}

/// A certificate to be made: a link of a ``ChainFixture``.
public struct LinkFixture: Sendable {
  public var claims: CertificateClaims
  /// The key that is certified.
  public var key: TestKey
  public var type: StaticString = CertificateClaims.type
  /// Signs instead of the key of the link above.
  public var signer: TestKey?
  /// Changes the claims before they are signed.
  public var edit: Edit = { $0 }
  /// Changes the signed certificate.
  public var editSigned: Edit = { $0 }

  public init(_ name: String, _ roles: [Role], scope: String = "", depth: Int = 0, key: TestKey? = nil) {
    let key = key ?? TestKey(name)
    self.key = key
    claims = CertificateClaims(
      subject: Array(name.utf8), notAfter: nil, notBefore: nil, issuedAt: Moment.issued, key: key.publicKey,
      roles: roles.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }, scope: testScope(scope), depth: depth)
  }
}

/// A chain to be made. What isn't changed is as it should be.
public struct ChainFixture: Sendable {
  public var root: TestKey
  public var links: [LinkFixture]

  public init(root: TestKey, _ links: [LinkFixture]) {
    self.root = root
    self.links = links
  }

  /// The last link's key, which signs what the chain is for.
  public var last: TestKey { links.last?.key ?? root }

  public func certificates() throws -> [[UInt8]] {
    var issuer = root
    var certificates: [[UInt8]] = []
    for link in links {
      let payload = link.edit(link.claims.encoded())
      certificates.append(link.editSigned(try (link.signer ?? issuer).sign(payload, type: link.type)))
      issuer = link.key
    }
    return certificates
  }

  public func encoded() throws -> [UInt8] {
    CertificateChain.encode(root: root.publicKey, certificates: try certificates())
  }

  /// Root, vendor, product: what a module is signed with.
  public static let module = ChainFixture(
    root: .bootRoot,
    [
      LinkFixture("Acme", [.module, .grant], scope: "com.acme.", depth: 1),
      LinkFixture("Acme codecs", [.module], scope: "com.acme."),
    ])

  /// Root, vendor, grant server.
  public static let grant = ChainFixture(
    root: .bootRoot,
    [
      LinkFixture("Acme", [.module, .grant], scope: "com.acme.", depth: 1),
      LinkFixture("Acme grants", [.grant], scope: "com.acme."),
    ])

  /// Root, and a key for one kind of boot stage.
  public static func stage(_ role: Role) -> ChainFixture {
    ChainFixture(root: .bootRoot, [LinkFixture("Platform", [role], scope: "org.platform.")])
  }
}

extension TrustAnchors {
  /// Trusts the roots of the fixtures.
  public static func of(_ roots: TestKey..., revoked: UInt8 = 0) -> TrustAnchors {
    TrustAnchors(thumbprints: roots.map(\.thumbprint), revoked: revoked)
  }
}

extension ChainVerifier {
  /// What a device does that trusts the boot root, and knows that it is ``Moment/present`` or later.
  public static let device = ChainVerifier(
    anchors: .of(.bootRoot), time: TimeBasis(lowerBound: Moment.present, trustedClock: nil))
  /// What a vendor does that trusts the device root and its own clock.
  public static let vendor = ChainVerifier(
    anchors: .of(.deviceRoot), time: TimeBasis(lowerBound: 0, trustedClock: Moment.present))
}

public func testName(_ text: String) -> Name {
  guard let name = Name(text.utf8) else { preconditionFailure("not a name: \(text)") }
  return name
}

public func testScope(_ text: String) -> Scope {
  guard let scope = Scope(text.utf8) else { preconditionFailure("not a scope: \(text)") }
  return scope
}

public func testRole(_ text: String) -> Role {
  guard let role = Role(text.utf8) else { preconditionFailure("not a role: \(text)") }
  return role
}
