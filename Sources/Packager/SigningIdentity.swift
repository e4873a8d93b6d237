import COSE
public import Cryptography
public import HuskFormat

/// A key together with the chain that says what it may sign.
public final class SigningIdentity: Sendable {
  public let key: SigningKey
  public let chain: ChainFile
  public let authority: ChainVerifier.Authority

  /// Checks that the chain is valid, ends in this key and lets it act in a role: what verifiers will check.
  ///
  /// - Parameters:
  ///   - anchors: the roots that the chain must be under; nil where that is for verifiers to judge.
  ///   - now: seconds since 1970.
  public init(
    key: consuming SigningKey, chain: ChainFile, role: Role, anchors: TrustAnchors? = nil, now: UInt64
  ) throws(PackagingError) {
    let authority =
      if let anchors {
        try verify(chain.chain, role: role, anchors: anchors, now: now)
      } else {
        try verifyUnderOwnRoot(chain.chain, role: role, now: now)
      }
    guard try publicKey(of: key) == authority.key else { throw .wrongSigningKey }
    self.authority = authority
    self.key = key
    self.chain = chain
  }

  /// Throws `scopeViolation` unless the chain covers a name.
  public func requireScope(over name: Name) throws(PackagingError) {
    guard authority.scope.covers(name) else { throw .scopeViolation(authority.scope) }
  }

  func sign(_ payload: [UInt8], type: StaticString) throws(PackagingError) -> [UInt8] {
    do throws(SignerError) {
      return try Sign1.sign(payload: payload, type: type, with: key)
    } catch {
      throw PackagingError(error)
    }
  }
}

/// Host tools use the host's clock, for both directions (SPEC 1.4).
public func hostTime(_ now: UInt64) -> TimeBasis {
  TimeBasis(lowerBound: 0, trustedClock: now)
}

/// Verifies a chain as if its own root were trusted.
func verifyUnderOwnRoot(
  _ chain: CertificateChain, role: Role, now: UInt64
) throws(PackagingError) -> ChainVerifier.Authority {
  try verify(chain, role: role, anchors: TrustAnchors(thumbprints: [thumbprint(of: chain.root)]), now: now)
}

private func verify(
  _ chain: CertificateChain, role: Role, anchors: TrustAnchors, now: UInt64
) throws(PackagingError) -> ChainVerifier.Authority {
  do throws(FormatError) {
    return try ChainVerifier(anchors: anchors, time: hostTime(now)).verify(chain, role: role)
  } catch {
    throw .chain(error)
  }
}

func thumbprint(of key: PublicKey) throws(PackagingError) -> [UInt8] {
  do throws(CryptographyError) {
    return try COSEKey.thumbprint(key)
  } catch {
    throw .cryptography(error)
  }
}

func publicKey(of key: borrowing SigningKey) throws(PackagingError) -> PublicKey {
  do throws(SignerError) {
    return try key.publicKey()
  } catch {
    throw PackagingError(error)
  }
}
