import Cryptography
public import HuskFormat

/// Decides which candidates get grants (SPEC 14.4), and seals the records of those that they got: many of them with
/// less work for each. Not for several threads at once.
public struct CandidateCheck {
  private let trust: TrustSet
  private let sealer: RecordSealer
  /// The latest that was found trusted: candidates share a few.
  private var trusted: Platform?
  private var sealed: (terms: CommonGrantTerms, digest: [UInt8])?

  public init(with key: VaultKey, trust: TrustSet) throws(VaultError) {
    self.trust = trust
    sealer = try key.makeSealer()
  }

  /// Whom a grant is for; throws `foreignRecord`, `statusForbidsGrants` or `untrusted`.
  public mutating func recipient(of candidate: GrantCandidate) throws(VaultError) -> GrantRecipient {
    guard try sealer.isSealed(candidate.sealedContent, by: candidate.seal) else { throw .foreignRecord(.device) }
    if let tag = candidate.tag {
      let content = SealedRecord.tag(tag.name, of: candidate.deviceID)
      guard try sealer.isSealed(content, by: tag.seal) else { throw .foreignRecord(.tag) }
    }
    if let latest = candidate.latest {
      let content = SealedRecord.grant(
        to: candidate.deviceID, module: candidate.module, sequence: latest.sequence, terms: latest.terms)
      guard try sealer.isSealed(content, by: latest.seal) else { throw .foreignRecord(.grant) }
    }
    guard candidate.status.allowsGrants else { throw .statusForbidsGrants(candidate.status) }
    if candidate.platform != trusted {
      if let (kind, value) = trust.missing(for: candidate.platform) { throw .untrusted(kind, value) }
      trusted = candidate.platform
    }
    return GrantRecipient(
      deviceID: candidate.deviceID, grantKey: candidate.grantKey, lifecycle: candidate.lifecycle)
  }

  /// What is recorded of a grant that a candidate got.
  public mutating func grant(
    to candidate: GrantCandidate, _ record: GrantRecord, on terms: CommonGrantTerms
  ) throws(VaultError) -> GrantJob.Grant {
    let digest: [UInt8]
    if let sealed, sealed.terms == terms {
      digest = sealed.digest
    } else {
      digest = try terms.digest()
      sealed = (terms, digest)
    }
    let content = SealedRecord.grant(
      to: candidate.deviceID, module: terms.module, sequence: record.sequence, terms: digest)
    return GrantJob.Grant(
      record: record, seal: try sealer.seal(content), row: candidate.row, identityRow: candidate.identityRow,
      status: candidate.status)
  }
}

extension GrantCandidate {
  fileprivate var sealedContent: [UInt8] {
    SealedRecord.device(
      deviceID, status: status, batch: batch, grantKey: grantKey, keyEpoch: keyEpoch, generation: generation,
      lifecycle: lifecycle, platform: platform)
  }
}
