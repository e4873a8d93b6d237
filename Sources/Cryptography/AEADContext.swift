import CLibCrypto
import SecretBytes

/// A key made ready once, for many messages in one direction.
struct AEADContext: ~Copyable {
  enum Direction {
    case seal
    case open
  }

  private let context: LibraryObject
  private let direction: Direction

  init(_ algorithm: AEAD, key: RawSpan, direction: Direction) throws(CryptographyError) {
    guard key.byteCount == AEAD.keyByteCount else { throw .invalidLength }
    let library = try Library.shared()
    let cipher =
      switch algorithm {
      case .aes256GCM: library.aes256GCM
      case .chaCha20Poly1305: library.chaCha20Poly1305
      }
    let context = try LibraryObject(EVP_CIPHER_CTX_new(), freedBy: EVP_CIPHER_CTX_free, .cipher)
    let pointer = context.pointer
    let encrypts: Int32 = direction == .seal ? 1 : 0
    try check(key.withPointer { EVP_CipherInit_ex2(pointer, cipher, $0, nil, encrypts, nil) }, .cipher)
    self.context = context
    self.direction = direction
  }

  /// Encrypts a message; the result ends with the tag.
  mutating func seal(nonce: RawSpan, aad: RawSpan, plaintext: RawSpan) throws(CryptographyError) -> [UInt8] {
    let (count, overflow) = plaintext.byteCount.addingReportingOverflow(AEAD.tagByteCount)
    guard !overflow else { throw .invalidLength }
    var ciphertext = [UInt8](repeating: 0, count: count)
    try ciphertext.withUnsafeMutableBufferPointer { (output) throws(CryptographyError) in
      _ = try seal(nonce: nonce, aad: aad, plaintext: plaintext, into: UnsafeMutableRawBufferPointer(output))
    }
    return ciphertext
  }

  /// Encrypts a message into a buffer with room for it and the tag, and returns their size.
  mutating func seal(
    nonce: RawSpan, aad: RawSpan, plaintext: RawSpan, into output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) -> Int {
    let length = try libraryLength(plaintext.byteCount)
    guard let target = output.baseAddress?.assumingMemoryBound(to: UInt8.self),
      output.count >= AEAD.tagByteCount, output.count - AEAD.tagByteCount >= plaintext.byteCount
    else { throw .invalidLength }
    try start(nonce: nonce, aad: aad)
    var written: Int32 = 0
    if length > 0 {
      try check(plaintext.withPointer { EVP_CipherUpdate(context.pointer, target, &written, $0, length) }, .cipher)
    }
    let tag = target + plaintext.byteCount
    try check(EVP_CipherFinal_ex(context.pointer, tag, &written), .cipher)
    try check(EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_GET_TAG, Int32(AEAD.tagByteCount), tag), .cipher)
    return plaintext.byteCount + AEAD.tagByteCount
  }

  /// Verifies and decrypts a message into a buffer with room for it, and returns its size. What an inauthentic message
  /// left in the buffer is wiped.
  mutating func open(
    nonce: RawSpan, aad: RawSpan, ciphertext: RawSpan, into output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) -> Int {
    let count = ciphertext.byteCount - AEAD.tagByteCount
    guard count >= 0, output.count >= count else { throw .invalidLength }
    let length = try libraryLength(count)
    try start(nonce: nonce, aad: aad)
    // An empty message may come with an empty buffer: libcrypto still wants an address.
    var none: UInt8 = 0
    let isAuthentic = ciphertext.withPointer { ciphertext in
      withUnsafeMutablePointer(to: &none) { none in
        let target = output.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? none
        return decrypt(ciphertext, length, into: target)
      }
    }
    guard isAuthentic else {
      wipe(UnsafeMutableRawBufferPointer(rebasing: output[0..<count]))
      throw failure(.authenticationFailed)
    }
    return count
  }

  /// Sets the nonce, keeping the key, and takes in the additional data.
  private mutating func start(nonce: RawSpan, aad: RawSpan) throws(CryptographyError) {
    guard nonce.byteCount == AEAD.nonceByteCount else { throw .invalidLength }
    let aadLength = try libraryLength(aad.byteCount)
    let encrypts: Int32 = direction == .seal ? 1 : 0
    try check(nonce.withPointer { EVP_CipherInit_ex2(context.pointer, nil, nil, $0, encrypts, nil) }, .cipher)
    guard aadLength > 0 else { return }
    var written: Int32 = 0
    try check(aad.withPointer { EVP_CipherUpdate(context.pointer, nil, &written, $0, aadLength) }, .cipher)
  }

  /// Decrypts `length` bytes, which the tag follows. True only if every step succeeded.
  private mutating func decrypt(
    _ ciphertext: UnsafePointer<UInt8>, _ length: Int32, into target: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    // The control call is shared with "get tag", hence not const; it only reads.
    let tag = UnsafeMutablePointer(mutating: ciphertext + Int(length))
    var written: Int32 = 0
    guard EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_SET_TAG, Int32(AEAD.tagByteCount), tag) == 1 else {
      return false
    }
    if length > 0, EVP_CipherUpdate(context.pointer, target, &written, ciphertext, length) != 1 { return false }
    return EVP_CipherFinal_ex(context.pointer, target + Int(length), &written) == 1
  }
}
