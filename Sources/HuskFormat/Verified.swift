/// A value whose signature chain was verified, and by whom it was signed.
///
/// Only the verifying functions of this module make one. What installs, decrypts or runs takes nothing else.
public struct Verified<Value: Sendable>: Sendable {
  public let value: Value
  public let authority: ChainVerifier.Authority
  /// The latest signed time in the chain and the value, seconds since 1970.
  public let issuedAt: UInt64

  init(_ value: Value, by authority: ChainVerifier.Authority, issuedAt: UInt64) {
    self.value = value
    self.authority = authority
    self.issuedAt = max(issuedAt, authority.issuedAt)
  }
}

extension Verified: Equatable where Value: Equatable {}
