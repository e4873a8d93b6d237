import Cryptography
public import HuskFormat

extension SigningIdentity {
  /// Whether this key may certify one that signs the grants of a job (SPEC 5.2).
  public var mayCertifyJobKeys: Bool {
    guard chain.certificates.count < Limits.certificates,
      let last = try? chain.chain.unverifiedClaims(at: chain.certificates.count - 1)
    else { return false }
    return last.depth >= 1
  }

  /// Makes a key for the grants of one job, which this one certifies (SPEC 5.2). It is in memory only.
  ///
  /// - Parameters:
  ///   - terms: of the job's grants.
  ///   - now: seconds since 1970.
  public func makeJobKey(
    for terms: CommonGrantTerms, now: UInt64
  ) throws(PackagingError) -> SigningIdentity {
    try requireScope(over: terms.module)
    guard let scope = Scope(terms.module.bytes) else { throw .scopeViolation(authority.scope) }
    let jobKey: SigningKey
    do throws(CryptographyError) {
      jobKey = try SigningKey.generate(.edDSA)
    } catch {
      throw .cryptography(error)
    }
    // Devices check the certificate whenever they use a grant: it must last as long as the grants do.
    let request = CertificateRequest(
      subject: "grant job", key: try publicKey(of: jobKey), roles: [.grant], scope: scope, depth: 0,
      notAfter: terms.notAfter)
    let chain = try issueCertificate(request, issuer: key, chain: chain, now: now)
    return try SigningIdentity(key: jobKey, chain: chain, role: .grant, now: now)
  }
}
