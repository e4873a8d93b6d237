public import Cryptography
public import HuskFormat
public import SecretBytes

/// Issues grants of one series: what holds for all of them was checked when it was made. Any number of threads may use
/// it at once.
public final class GrantIssuer: Sendable {
  public let series: GrantSeries
  private let contentKey: SecretBytes
  private let signer: SigningIdentity

  /// - Parameters:
  ///   - contentKey: of the terms' module and epoch, 32 bytes.
  ///   - signer: its chain goes into every grant.
  ///   - now: seconds since 1970.
  /// - Throws: `scopeViolation`, `validityEndsBeforeItBegins`, `alreadyExpired`, `chain`.
  public init(
    _ terms: CommonGrantTerms, contentKey: consuming SecretBytes, signer: SigningIdentity, now: UInt64
  ) throws(PackagingError) {
    try signer.requireScope(over: terms.module)
    try terms.requireFuture(now)
    do throws(FormatError) {
      series = try GrantSeries(terms: terms, chain: signer.chain.encoded)
    } catch {
      throw .chain(error)
    }
    self.contentKey = contentKey
    self.signer = signer
  }

  /// Wraps the content key to a device and signs the terms.
  ///
  /// - Parameter sender: any one; one for many grants saves time.
  /// - Throws: `wrongLifecycle`; `unusableGrantKey` for a key that nobody can wrap to; `cryptography`.
  public func issue(
    to recipient: GrantRecipient, sequence: UInt64, _ sender: inout HPKE.Sender
  ) throws(PackagingError) -> GrantRecord {
    guard recipient.lifecycle == series.terms.lifecycle else {
      throw .wrongLifecycle(device: recipient.lifecycle, grant: series.terms.lifecycle)
    }
    do throws(SignerError) {
      return try series.issue(to: recipient, sequence: sequence, contentKey: contentKey, with: signer.key, &sender)
    } catch {
      if error == .cryptography(.invalidKey) { throw .unusableGrantKey }
      throw PackagingError(error)
    }
  }
}

extension CommonGrantTerms {
  fileprivate func requireFuture(_ now: UInt64) throws(PackagingError) {
    guard let notAfter else { return }
    if notAfter < notBefore ?? 0 { throw .validityEndsBeforeItBegins }
    if notAfter < now { throw .alreadyExpired }
  }
}
