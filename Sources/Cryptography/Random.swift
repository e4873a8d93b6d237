import CLibCrypto
public import SecretBytes

/// Random bytes that may become public: a salt, a nonce, a challenge.
public func randomBytes(count: Int) throws(CryptographyError) -> [UInt8] {
  _ = try Library.shared()
  let length = try libraryLength(count)
  var bytes = [UInt8](repeating: 0, count: count)
  try check(RAND_bytes(&bytes, length), .random)
  return bytes
}

/// Random bytes that stay secret: a key. They come from a generator of their own, whose state no public output shows.
public func randomSecret(count: Int) throws(CryptographyError) -> SecretBytes {
  _ = try Library.shared()
  let length = try libraryLength(count)
  var secret = try makeSecret(count: count)
  try check(secret.withMutablePointer { RAND_priv_bytes($0, length) }, .random)
  return secret
}
