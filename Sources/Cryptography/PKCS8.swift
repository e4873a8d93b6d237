import CLibCrypto
import SecretBytes

/// Private keys in PKCS#8 (RFC 5958): the structure itself, without its text form.
///
/// libcrypto parses and decrypts (it wipes what it frees there); the keys inside are so small that they are picked out
/// and written here, where libcrypto's general decoders would leave copies on the heap.
enum PKCS8 {
  enum KeyType {
    case ed25519
    case x25519
    case p256
  }

  /// A key as the structure holds it: 32 bytes of any type.
  struct PrivateKey: ~Copyable {
    let type: KeyType
    let secret: SecretBytes
  }

  /// Reads PrivateKeyInfo.
  static func decode(_ content: borrowing SecretBytes) throws(CryptographyError) -> PrivateKey {
    try privateKey(in: parse(content, d2i_PKCS8_PRIV_KEY_INFO, freedBy: PKCS8_PRIV_KEY_INFO_free))
  }

  /// Reads EncryptedPrivateKeyInfo, encrypted with any scheme of PKCS#5 version 2 (RFC 8018).
  static func decode(
    encrypted content: borrowing SecretBytes, passphrase: borrowing SecretBytes
  ) throws(CryptographyError) -> PrivateKey {
    let encrypted = try parse(content, d2i_X509_SIG, freedBy: X509_SIG_free)
    var scheme: UnsafePointer<X509_ALGOR>?
    X509_SIG_get0(encrypted.pointer, &scheme, nil)
    guard algorithmNumber(scheme) == NID_pbes2 else { throw .unsupportedKey }

    let pointer = encrypted.pointer
    let length = try libraryLength(passphrase.count)
    let decrypted = passphrase.withPointer { passphrase in
      passphrase.withMemoryRebound(to: CChar.self, capacity: Int(length)) { PKCS8_decrypt(pointer, $0, length) }
    }
    guard let decrypted else { throw failure(.wrongPassphrase) }
    return try privateKey(in: LibraryObject(decrypted, freedBy: PKCS8_PRIV_KEY_INFO_free, .keyImport))
  }

  /// Writes PrivateKeyInfo with an Ed25519 or X25519 key (RFC 8410 section 7).
  static func encode(_ type: KeyType, _ secret: borrowing SecretBytes) throws(CryptographyError) -> SecretBytes {
    let oidEnd: UInt8 = type == .ed25519 ? 0x70 : 0x6e
    return try join(
      [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, oidEnd, 0x04, 0x22, 0x04, 0x20], secret, [])
  }

  /// Writes PrivateKeyInfo with a P-256 key and its public part (RFC 5915 section 3).
  static func encode(
    p256 scalar: borrowing SecretBytes, publicCoordinates: [UInt8]
  ) throws(CryptographyError) -> SecretBytes {
    try join(
      [
        0x30, 0x81, 0x87, 0x02, 0x01, 0x00,
        // The algorithm: id-ecPublicKey, prime256v1.
        0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
        // ECPrivateKey: version 1, the scalar, the public key as [1].
        0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
      ], scalar, [0xa1, 0x44, 0x03, 0x42, 0x00, 0x04] + publicCoordinates)
  }

  /// Encrypts PrivateKeyInfo: PBES2 with scrypt and AES-256-CBC (RFC 7914), which `openssl pkey` reads.
  static func encrypt(
    _ content: borrowing SecretBytes, passphrase: borrowing SecretBytes
  ) throws(CryptographyError) -> [UInt8] {
    let info = try parse(content, d2i_PKCS8_PRIV_KEY_INFO, freedBy: PKCS8_PRIV_KEY_INFO_free)
    let length = try libraryLength(passphrase.count)
    // 16 MiB of memory, five passes over it: as much as fits under the 32 MiB that libcrypto allows a reader.
    let scheme = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nil, 16, nil, 1 << 14, 8, 5)
    guard let scheme else { throw failure(.libraryFailure(.keyEncryption)) }
    let pointer = info.pointer
    let sealed = passphrase.withPointer { passphrase in
      passphrase.withMemoryRebound(to: CChar.self, capacity: Int(length)) {
        PKCS8_set0_pbe($0, length, pointer, scheme)
      }
    }
    // The scheme was taken over, but only by what succeeded.
    guard let sealed else {
      X509_ALGOR_free(scheme)
      throw failure(.libraryFailure(.keyEncryption))
    }
    let encrypted = try LibraryObject(sealed, freedBy: X509_SIG_free, .keyEncryption)
    var bytes = [UInt8](repeating: 0, count: Int(max(0, i2d_X509_SIG(encrypted.pointer, nil))))
    let written = bytes.withUnsafeMutableBufferPointer { bytes in
      var end = bytes.baseAddress
      return Int(i2d_X509_SIG(encrypted.pointer, &end))
    }
    guard written > 0, written == bytes.count else { throw failure(.libraryFailure(.keyEncryption)) }
    return bytes
  }

  /// Parses the whole content with one of libcrypto's readers, which all look alike.
  private static func parse(
    _ content: borrowing SecretBytes,
    _ reader: (
      UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, Int
    ) -> OpaquePointer?,
    freedBy free: @convention(c) (OpaquePointer?) -> Void
  ) throws(CryptographyError) -> LibraryObject {
    _ = try Library.shared()
    let count = content.count
    var consumed = 0
    let parsed = content.withPointer { start in
      var position: UnsafePointer<UInt8>? = start
      let object = reader(nil, &position, count)
      if let position { consumed = position - start }
      return object
    }
    guard let parsed else { throw failure(.malformedPEM) }
    let object = try LibraryObject(parsed, freedBy: free, .keyImport)
    guard consumed == count else { throw .malformedPEM }
    return object
  }

  /// Picks the key out of the structure.
  private static func privateKey(in info: consuming LibraryObject) throws(CryptographyError) -> PrivateKey {
    var start: UnsafePointer<UInt8>?
    var count: Int32 = 0
    var algorithm: UnsafePointer<X509_ALGOR>?
    guard PKCS8_pkey_get0(nil, &start, &count, &algorithm, info.pointer) == 1, let start else {
      throw failure(.malformedPEM)
    }
    let octets = UnsafeRawBufferPointer(start: start, count: Int(count)).bytes
    switch algorithmNumber(algorithm) {
    case NID_ED25519: return PrivateKey(type: .ed25519, secret: try rawKey(in: octets))
    case NID_X25519: return PrivateKey(type: .x25519, secret: try rawKey(in: octets))
    case NID_X9_62_id_ecPublicKey where curveNumber(algorithm) == NID_X9_62_prime256v1:
      return PrivateKey(type: .p256, secret: try scalar(in: octets))
    default: throw .unsupportedKey
    }
  }

  /// The content of an OCTET STRING (RFC 8410 section 7).
  private static func rawKey(in octets: RawSpan) throws(CryptographyError) -> SecretBytes {
    guard octets.byteCount == 2 + rawKeyByteCount, octets[0] == 0x04, octets[1] == UInt8(rawKeyByteCount) else {
      throw .malformedPEM
    }
    return try copySecret(octets.extracting(2..<octets.byteCount))
  }

  /// The scalar in ECPrivateKey (RFC 5915 section 3): SEQUENCE, INTEGER 1, OCTET STRING. The public key that may follow
  /// is calculated anew.
  private static func scalar(in octets: RawSpan) throws(CryptographyError) -> SecretBytes {
    let beforeScalar: [UInt8] = [0x02, 0x01, 0x01, 0x04, UInt8(P256.scalarByteCount)]
    let start = 2 + beforeScalar.count
    // All forms of it are shorter than 128 bytes: the sequence's length is one byte.
    guard octets.byteCount >= start + P256.scalarByteCount, octets[0] == 0x30,
      Int(octets[1]) == octets.byteCount - 2
    else { throw .malformedPEM }
    for offset in beforeScalar.indices where octets[2 + offset] != beforeScalar[offset] { throw .malformedPEM }
    return try copySecret(octets.extracting(start..<(start + P256.scalarByteCount)))
  }

  private static func algorithmNumber(_ algorithm: UnsafePointer<X509_ALGOR>?) -> Int32 {
    var object: OpaquePointer?
    X509_ALGOR_get0(&object, nil, nil, algorithm)
    return OBJ_obj2nid(object)
  }

  /// The curve that an elliptic-curve algorithm names as its parameter.
  private static func curveNumber(_ algorithm: UnsafePointer<X509_ALGOR>?) -> Int32 {
    var type: Int32 = 0
    var parameter: UnsafeRawPointer?
    X509_ALGOR_get0(nil, &type, &parameter, algorithm)
    guard type == V_ASN1_OBJECT, let parameter else { return NID_undef }
    return OBJ_obj2nid(OpaquePointer(parameter))
  }

  private static func join(
    _ before: [UInt8], _ secret: borrowing SecretBytes, _ after: [UInt8]
  ) throws(CryptographyError) -> SecretBytes {
    let count = secret.count
    var joined = try makeSecret(count: before.count + count + after.count)
    try joined.withMutablePointer { joined in
      joined.update(from: before, count: before.count)
      secret.withPointer { (joined + before.count).update(from: $0, count: count) }
      (joined + before.count + count).update(from: after, count: after.count)
    }
    return joined
  }
}
