import ErrorClass

/// The roots that a verifier trusts (SPEC 3.2): thumbprints by slot, and which of them are revoked.
public struct TrustAnchors: Equatable, Sendable {
  /// Thumbprints of 32 bytes; the index is the root slot.
  public let thumbprints: [[UInt8]]
  /// Bit i revokes slot i; a slot from 8 on can't be revoked.
  public let revoked: UInt8

  public init(thumbprints: [[UInt8]], revoked: UInt8 = 0) {
    self.thumbprints = thumbprints
    self.revoked = revoked
  }

  /// Throws `untrustedRoot` or `revokedRoot`.
  func check(_ thumbprint: [UInt8]) throws(FormatError) {
    guard let slot = thumbprints.firstIndex(of: thumbprint) else { throw FormatError(.untrustedRoot, in: .root) }
    guard revoked >> slot & 1 == 0 else { throw FormatError(.revokedRoot, in: .root) }
  }
}
