import SecretBytes

/// What a chunked message is encrypted with: all of it derived from the key, the salt and the context.
struct ChunkKeys: ~Copyable {
  var aead: AEADContext
  let nonces: NonceSequence
  let commitment: [UInt8]

  init(
    _ direction: AEADContext.Direction, key: borrowing SecretBytes, salt: RawSpan, context: RawSpan
  ) throws(CryptographyError) {
    guard key.count == ChunkedEncryption.keyByteCount else { throw .invalidLength }
    let suite: StaticString = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"
    var info = [UInt8](UnsafeBufferPointer(start: suite.utf8Start, count: suite.utf8CodeUnitCount))
    info += salt.array
    info += context.array

    let keyEnd = AEAD.keyByteCount
    let nonceEnd = keyEnd + AEAD.nonceByteCount
    let commitmentEnd = nonceEnd + ChunkedEncryption.commitmentByteCount
    let derived = try HKDF.sha512.expand(key, info: info.span.bytes, byteCount: commitmentEnd)
    let aead = try derived.withBytes { (derived) throws(CryptographyError) in
      try AEADContext(.aes256GCM, key: derived.extracting(0..<keyEnd), direction: direction)
    }
    nonces = try derived.withBytes { (derived) throws(CryptographyError) in
      try NonceSequence(base: copySecret(derived.extracting(keyEnd..<nonceEnd)))
    }
    commitment = derived.withBytes { $0.extracting(nonceEnd..<commitmentEnd).array }
    self.aead = aead
  }
}
