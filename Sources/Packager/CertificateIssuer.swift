import COSE
public import Cryptography
public import HuskFormat

/// What a new certificate is to say.
public struct CertificateRequest: Sendable {
  /// Whom it names, for people.
  public var subject: String
  public var key: PublicKey
  public var roles: [Role]
  public var scope: Scope
  /// How many further certificates may follow.
  public var depth: Int
  /// Seconds since 1970.
  public var notBefore: UInt64?
  /// Seconds since 1970.
  public var notAfter: UInt64?

  public init(
    subject: String, key: PublicKey, roles: [Role], scope: Scope, depth: Int, notBefore: UInt64? = nil,
    notAfter: UInt64? = nil
  ) {
    self.subject = subject
    self.key = key
    self.roles = roles
    self.scope = scope
    self.depth = depth
    self.notBefore = notBefore
    self.notAfter = notAfter
  }
}

/// Issues a certificate (SPEC 3.1); returns the chain that ends in it.
///
/// What a verifier would refuse isn't issued: the chain so far is verified, and the new one again when it is made.
///
/// - Parameters:
///   - issuer: the key that `chain` ends in; without a chain a root key.
///   - chain: the issuer's; nil to begin one.
///   - now: seconds since 1970; becomes the issue time.
public func issueCertificate(
  _ request: CertificateRequest, issuer: borrowing SigningKey, chain: ChainFile?, now: UInt64
) throws(PackagingError) -> ChainFile {
  let issuerKey = try publicKey(of: issuer)
  let claims = try request.claims(issuedAt: now)
  guard claims.key != issuerKey else { throw .certificate(.sameKey) }
  if let chain {
    try check(claims, mayFollow: chain.chain, issuerKey: issuerKey, now: now)
  } else {
    try checkDepth(claims, issuer: Limits.certificates)
  }
  let certificate: [UInt8]
  do throws(SignerError) {
    certificate = try Sign1.sign(payload: claims.encoded(), type: CertificateClaims.type, with: issuer)
  } catch {
    throw PackagingError(error)
  }
  let extended = try makeChain(root: chain?.chain.root ?? issuerKey, (chain?.certificates ?? []) + [certificate])
  // A certificate may begin later than now: it is judged by the time at which it does.
  _ = try verifyUnderOwnRoot(extended.chain, role: claims.roles[0], now: max(now, claims.notBefore ?? 0))
  return extended
}

extension CertificateRequest {
  fileprivate func claims(issuedAt now: UInt64) throws(PackagingError) -> CertificateClaims {
    let name = Array(subject.utf8)
    guard (1...Limits.subjectSize).contains(name.count) else { throw .certificate(.subject) }
    var sorted = roles.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    sorted = sorted.enumerated().filter { $0.offset == 0 || sorted[$0.offset - 1] != $0.element }.map(\.element)
    guard (1...Limits.roles).contains(sorted.count) else { throw .certificate(.roles) }
    if let notAfter {
      if notAfter < notBefore ?? 0 { throw .validityEndsBeforeItBegins }
      if notAfter < now { throw .alreadyExpired }
    }
    return CertificateClaims(
      subject: name, notAfter: notAfter, notBefore: notBefore, issuedAt: now, key: key, roles: sorted, scope: scope,
      depth: depth)
  }
}

/// Says which rule of SPEC 3.4 a certificate would break behind a chain.
private func check(
  _ claims: CertificateClaims, mayFollow chain: CertificateChain, issuerKey: PublicKey, now: UInt64
) throws(PackagingError) {
  let issuer: CertificateClaims
  do throws(FormatError) {
    issuer = try chain.unverifiedClaims(at: chain.certificates.count - 1)
  } catch {
    throw .chain(error)
  }
  guard let role = issuer.roles.first else { throw .certificate(.roles) }
  guard try verifyUnderOwnRoot(chain, role: role, now: now).key == issuerKey else { throw .wrongSigningKey }
  try checkDepth(claims, issuer: issuer.depth)
  if let role = claims.roles.first(where: { !issuer.roles.contains($0) }) { throw .certificate(.roleNotHeld(role)) }
  guard issuer.scope.contains(claims.scope) else { throw .certificate(.scopeNotHeld(issuer.scope)) }
}

private func checkDepth(_ claims: CertificateClaims, issuer: Int) throws(PackagingError) {
  guard issuer >= 1, (0..<issuer).contains(claims.depth) else { throw .certificate(.depth(issuer: issuer)) }
}

private func makeChain(root: PublicKey, _ certificates: [[UInt8]]) throws(PackagingError) -> ChainFile {
  do throws(FormatError) {
    return try ChainFile(root: root, certificates: certificates)
  } catch {
    throw .chain(error)
  }
}
