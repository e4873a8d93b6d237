import CLibCrypto
import SecretBytes

// X25519 and Ed25519 keys are plain byte strings (RFC 7748, RFC 8032): both kinds go in and out the same way.

func makeRawPublicKey(_ type: StaticString, _ bytes: RawSpan) throws(CryptographyError) -> LibraryObject {
  let key = bytes.withPointer { EVP_PKEY_new_raw_public_key_ex(nil, cString(type), nil, $0, bytes.byteCount) }
  return try LibraryObject(key, freedBy: EVP_PKEY_free, .keyImport)
}

func makeRawPrivateKey(
  _ type: StaticString, _ secret: borrowing SecretBytes
) throws(CryptographyError) -> LibraryObject {
  guard secret.count == rawKeyByteCount else { throw .invalidLength }
  _ = try Library.shared()
  let key = secret.withPointer { EVP_PKEY_new_raw_private_key_ex(nil, cString(type), nil, $0, rawKeyByteCount) }
  return try LibraryObject(key, freedBy: EVP_PKEY_free, .keyImport)
}

/// Makes new keys of one type. Not for several threads at once.
struct RawKeyGenerator: ~Copyable {
  private let context: LibraryObject

  init(_ type: StaticString) throws(CryptographyError) {
    _ = try Library.shared()
    let context = try LibraryObject(
      EVP_PKEY_CTX_new_from_name(nil, cString(type), nil), freedBy: EVP_PKEY_CTX_free, .keyGeneration)
    try check(EVP_PKEY_keygen_init(context.pointer), .keyGeneration)
    self.context = context
  }

  borrowing func generate() throws(CryptographyError) -> LibraryObject {
    var key: OpaquePointer?
    try check(EVP_PKEY_generate(context.pointer, &key), .keyGeneration)
    return try LibraryObject(key, freedBy: EVP_PKEY_free, .keyGeneration)
  }
}

func rawPublicKey(of key: borrowing LibraryObject) throws(CryptographyError) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: rawKeyByteCount)
  var count = bytes.count
  try check(EVP_PKEY_get_raw_public_key(key.pointer, &bytes, &count), .keyExport)
  guard count == bytes.count else { throw .libraryFailure(.keyExport) }
  return bytes
}

func rawPrivateKey(of key: borrowing LibraryObject) throws(CryptographyError) -> SecretBytes {
  var secret = try makeSecret(count: rawKeyByteCount)
  var count = secret.count
  let pointer = key.pointer
  try check(secret.withMutablePointer { EVP_PKEY_get_raw_private_key(pointer, $0, &count) }, .keyExport)
  guard count == secret.count else { throw .libraryFailure(.keyExport) }
  return secret
}

let rawKeyByteCount = 32
