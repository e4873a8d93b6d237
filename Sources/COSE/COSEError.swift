public import CBOR
public import Cryptography

/// Why a COSE object was refused.
public enum COSEError: Error, Equatable, Sendable {
  /// Not the encoding of the object that was expected.
  case malformed(CBORError)
  /// Its `typ` header says that it is another kind of object (RFC 9596), or it has one where none may be.
  case unexpectedType
  /// Its protected header names another algorithm than the key is for.
  case algorithmMismatch
  /// Its protected or unprotected header holds something that isn't allowed here.
  case unexpectedHeader
  /// The signature doesn't verify.
  case signatureInvalid
  /// The ciphertext doesn't open.
  case decryptionFailed
  /// The key that was given can't be used.
  case invalidKey
  /// libcrypto failed.
  case cryptography(CryptographyError)
}
