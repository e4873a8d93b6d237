import COSE
public import Cryptography
import ErrorClass

/// Verifies chains and what they sign against trust anchors, a time and a required role (SPEC 3.4).
public struct ChainVerifier: Sendable {
  public let anchors: TrustAnchors
  public let time: TimeBasis

  public init(anchors: TrustAnchors, time: TimeBasis) {
    self.anchors = anchors
    self.time = time
  }

  /// What a verified chain says of its last key.
  public struct Authority: Equatable, Sendable {
    /// Thumbprint of the root.
    public let root: [UInt8]
    public let key: PublicKey
    public let keyThumbprint: [UInt8]
    public let scope: Scope
    /// The first scope along the chain that isn't empty (SPEC 3.3).
    public let vendorScope: Scope
    /// The latest issue time along the chain.
    public let issuedAt: UInt64
    /// Thumbprints of all certified keys, from the root's first to the last, which is `keyThumbprint`.
    public let keys: [[UInt8]]
  }

  /// Verifies a chain that must end in a role: steps 1 to 4.
  public func verify(_ chain: CertificateChain, role: Role) throws(FormatError) -> Authority {
    let root = try Self.thumbprint(of: chain.root, .root)
    try anchors.check(root)
    var issuer = Issuer(key: chain.root, roles: nil, scope: .everything, depth: Limits.certificates)
    var vendorScope = Scope.everything
    var issuedAt: UInt64 = 0
    var keys: [[UInt8]] = []
    for (index, certificate) in chain.certificates.enumerated() {
      let part = FormatError.Part.certificate(index)
      let claims = try CertificateClaims(parsing: certificate.payload, part: part)
      guard issuer.depth >= 1, claims.depth <= issuer.depth - 1 else { throw FormatError(.chainInvalid, in: part) }
      try Self.verify(certificate, with: issuer.key, type: CertificateClaims.type, part: part)
      guard issuer.mayIssue(claims) else { throw FormatError(.chainInvalid, in: part) }
      if time.hasPassed(claims.notAfter) { throw FormatError(.expired, in: part) }
      if time.isBefore(claims.notBefore) { throw FormatError(.notYetValid, in: part) }
      issuer = Issuer(key: claims.key, roles: claims.roles, scope: claims.scope, depth: claims.depth)
      if vendorScope == .everything { vendorScope = claims.scope }
      issuedAt = max(issuedAt, claims.issuedAt)
      keys.append(try Self.thumbprint(of: claims.key, part))
    }
    guard let roles = issuer.roles, roles.contains(role) else { throw FormatError(.roleMismatch, in: .chain) }
    return Authority(
      root: root, key: issuer.key, keyThumbprint: keys.last ?? root, scope: issuer.scope, vendorScope: vendorScope,
      issuedAt: issuedAt, keys: keys)
  }

  /// Verifies a chain and an object that its last key must have signed: steps 1 to 5.
  func verify(
    _ chain: CertificateChain, signing object: Sign1, type: StaticString, role: Role, part: FormatError.Part
  ) throws(FormatError) -> Authority {
    let authority = try verify(chain, role: role)
    try Self.verify(object, with: authority.key, type: type, part: part)
    return authority
  }

  static func verify(
    _ object: Sign1, with key: PublicKey, type: StaticString?, part: FormatError.Part
  ) throws(FormatError) {
    do throws(COSEError) {
      try object.verify(with: key, type: type)
    } catch {
      throw FormatError(error, in: part)
    }
  }
}

extension ChainVerifier {
  /// The key that signs the next certificate, and what it may hand on.
  private struct Issuer {
    let key: PublicKey
    /// Nil for the root: all.
    let roles: [Role]?
    let scope: Scope
    let depth: Int

    /// Roles and scope only ever narrow along a chain.
    func mayIssue(_ claims: CertificateClaims) -> Bool {
      guard scope.contains(claims.scope) else { return false }
      guard let roles else { return true }
      return claims.roles.allSatisfy { roles.contains($0) }
    }
  }

  private static func thumbprint(of key: PublicKey, _ part: FormatError.Part) throws(FormatError) -> [UInt8] {
    do throws(CryptographyError) {
      return try COSEKey.thumbprint(key)
    } catch {
      throw FormatError(error, in: part)
    }
  }
}
