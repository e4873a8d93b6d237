package import COSE
package import Cryptography
import ErrorClass

/// The way down a chain, from its root (SPEC 3.4, steps 1 to 4): what was verified so far.
///
/// A verifier of many chains that begin alike may go the common part once, and on from there.
package struct ChainWalk: Sendable {
  private let time: TimeBasis
  private let root: [UInt8]
  private var issuer: Issuer
  private var vendorScope = Scope.everything
  private var issuedAt: UInt64 = 0
  private var index = 0
  private var keys: [[UInt8]] = []

  /// Begins at a root, which must be trusted: `untrustedRoot`, `revokedRoot`.
  package init(from root: PublicKey, by verifier: ChainVerifier) throws(FormatError) {
    self.root = try Self.thumbprint(of: root, .root)
    try verifier.anchors.check(self.root)
    time = verifier.time
    issuer = Issuer(key: root, roles: nil, scope: .everything, depth: Limits.certificates)
  }

  /// Verifies the next certificate: it becomes the issuer.
  package mutating func take(_ certificate: Sign1) throws(FormatError) {
    let part = FormatError.Part.certificate(index)
    let claims = try CertificateClaims(parsing: certificate.payload, part: part)
    guard issuer.depth >= 1, claims.depth <= issuer.depth - 1 else { throw FormatError(.chainInvalid, in: part) }
    try ChainVerifier.verify(certificate, with: issuer.key, type: CertificateClaims.type, part: part)
    guard issuer.mayIssue(claims) else { throw FormatError(.chainInvalid, in: part) }
    if time.hasPassed(claims.notAfter) { throw FormatError(.expired, in: part) }
    if time.isBefore(claims.notBefore) { throw FormatError(.notYetValid, in: part) }
    issuer = Issuer(key: claims.key, roles: claims.roles, scope: claims.scope, depth: claims.depth)
    if vendorScope == .everything { vendorScope = claims.scope }
    issuedAt = max(issuedAt, claims.issuedAt)
    keys.append(try Self.thumbprint(of: claims.key, part))
    index += 1
  }

  /// What the chain says of its last key, which must have a role.
  package func end(in role: Role) throws(FormatError) -> ChainVerifier.Authority {
    guard let roles = issuer.roles, roles.contains(role) else { throw FormatError(.roleMismatch, in: .chain) }
    return ChainVerifier.Authority(
      root: root, key: issuer.key, keyThumbprint: keys.last ?? root, scope: issuer.scope, vendorScope: vendorScope,
      issuedAt: issuedAt, keys: keys)
  }
}

extension ChainWalk {
  /// The key that signs the next certificate, and what it may hand on.
  private struct Issuer: Sendable {
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
