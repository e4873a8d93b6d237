/// What can sign: a key in memory here; a hardware module or a detached signature elsewhere.
public protocol Signer: ~Copyable {
  /// The algorithm of every signature that it makes.
  var algorithm: SignatureAlgorithm { get }

  /// The key that verifies its signatures.
  borrowing func publicKey() throws(SignerError) -> PublicKey

  /// Signs a message. The signature has the form that `PublicKey.verify` takes.
  borrowing func sign(_ message: RawSpan) throws(SignerError) -> [UInt8]
}

/// Why a signer did not sign.
public enum SignerError: Error, Equatable, Sendable {
  /// The cryptography itself failed.
  case cryptography(CryptographyError)
}
