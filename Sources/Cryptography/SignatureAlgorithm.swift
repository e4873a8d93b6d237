/// The signature algorithms, by their COSE numbers (RFC 9053 section 2).
public enum SignatureAlgorithm: Int64, Sendable {
  /// Ed25519 (RFC 8032).
  case edDSA = -8
  /// ECDSA on P-256 with SHA-256 (FIPS 186-5).
  case es256 = -7

  /// The size of a signature of either algorithm, in bytes: R ‖ S, or r ‖ s.
  public static let signatureByteCount = 64

  /// The size of a public key, in bytes: an encoded point, or x ‖ y.
  public var publicKeyByteCount: Int {
    switch self {
    case .edDSA: 32
    case .es256: 64
    }
  }
}
