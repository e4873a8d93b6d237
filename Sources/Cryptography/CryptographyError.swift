public import SecretBytes

/// Why a cryptographic operation failed.
public enum CryptographyError: MemoryShortage, Equatable, Sendable {
  /// A step inside libcrypto that does not depend on the input failed: no memory, no entropy, no such algorithm.
  case libraryFailure(Operation)
  /// Ciphertext, nonce, additional data and key do not belong together.
  case authenticationFailed
  /// The header of a chunked ciphertext was made with another key, context or salt.
  case commitmentMismatch
  /// Not a key of the kind that is needed: a point off the curve, a scalar out of range, a low-order X25519 point.
  case invalidKey
  /// The signature was not made over this message with this key.
  case invalidSignature
  /// A key, nonce, tag, chunk or buffer has a size that the operation does not take.
  case invalidLength
  /// More chunks than one key and salt may encrypt.
  case messageTooLong
  /// The final chunk was sealed already.
  case messageComplete
  /// There is no memory for a secret.
  case outOfMemory
  /// The private key is encrypted and no passphrase was given.
  case passphraseRequired
  /// The passphrase does not decrypt the private key, or its file is damaged.
  case wrongPassphrase
  /// A well-formed key of a type, curve or encryption that Husk does not use.
  case unsupportedKey
  /// Not a PEM file (RFC 7468), or its content is not the structure that its label names.
  case malformedPEM

  /// The step of libcrypto that failed.
  public enum Operation: Equatable, Sendable {
    case initialization
    case random
    case digest
    case hmac
    case cipher
    case keyGeneration
    case keyImport
    case keyExport
    case sign
    case keyAgreement
    case keyEncryption
    case keyDerivation
  }
}
