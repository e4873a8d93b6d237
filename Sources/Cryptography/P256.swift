import CLibCrypto
import SecretBytes

/// Keys on the curve P-256, which libcrypto takes as named parameters.
enum P256 {
  static let coordinatesByteCount = 64
  static let scalarByteCount = 32

  /// - Parameter coordinates: x ‖ y.
  static func makePublicKey(coordinates: [UInt8]) throws(CryptographyError) -> LibraryObject {
    try makeKey(point: [uncompressedPoint] + coordinates, nativeScalar: nil)
  }

  /// Makes a private key, public part included, from its scalar (32 bytes, big-endian, between 1 and the order - 1).
  static func makePrivateKey(scalar: borrowing SecretBytes) throws(CryptographyError) -> LibraryObject {
    guard scalar.count == scalarByteCount else { throw .invalidLength }
    _ = try Library.shared()
    let number = try LibraryObject(BN_secure_new(), freedBy: BN_clear_free, .keyImport)
    let pointer = number.pointer
    guard scalar.withPointer({ BN_bin2bn($0, Int32(scalarByteCount), pointer) }) != nil else {
      throw failure(.libraryFailure(.keyImport))
    }
    BN_set_flags(number.pointer, BN_FLG_CONSTTIME)
    let point = try publicPoint(of: number)
    var nativeScalar = try makeSecret(count: scalarByteCount)
    let written = try nativeScalar.withMutablePointer { BN_bn2nativepad(pointer, $0, Int32(scalarByteCount)) }
    guard written == scalarByteCount else { throw failure(.libraryFailure(.keyImport)) }

    let key = try nativeScalar.withMutableBytes { (scalar) throws(CryptographyError) in
      try makeKey(point: point, nativeScalar: scalar)
    }
    let checker = try LibraryObject(
      EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil), freedBy: EVP_PKEY_CTX_free, .keyImport)
    guard EVP_PKEY_private_check(checker.pointer) == 1 else { throw failure(.invalidKey) }
    return key
  }

  static func generate() throws(CryptographyError) -> LibraryObject {
    _ = try Library.shared()
    let context = try LibraryObject(
      EVP_PKEY_CTX_new_from_name(nil, cString("EC"), nil), freedBy: EVP_PKEY_CTX_free, .keyGeneration)
    try check(EVP_PKEY_keygen_init(context.pointer), .keyGeneration)
    try check(EVP_PKEY_CTX_set_group_name(context.pointer, cString("P-256")), .keyGeneration)
    var key: OpaquePointer?
    try check(EVP_PKEY_generate(context.pointer, &key), .keyGeneration)
    return try LibraryObject(key, freedBy: EVP_PKEY_free, .keyGeneration)
  }

  /// x ‖ y.
  static func coordinates(of key: borrowing LibraryObject) throws(CryptographyError) -> [UInt8] {
    var point = [UInt8](repeating: 0, count: 1 + coordinatesByteCount)
    var count = 0
    try check(
      EVP_PKEY_get_octet_string_param(key.pointer, cString("pub"), &point, point.count, &count), .keyExport)
    guard count == point.count, point[0] == uncompressedPoint else { throw .libraryFailure(.keyExport) }
    return [UInt8](point[1...])
  }

  /// 32 bytes, big-endian.
  static func scalar(of key: borrowing LibraryObject) throws(CryptographyError) -> SecretBytes {
    var exported: OpaquePointer?
    try check(EVP_PKEY_get_bn_param(key.pointer, cString("priv"), &exported), .keyExport)
    let number = try LibraryObject(exported, freedBy: BN_clear_free, .keyExport)
    let pointer = number.pointer
    var scalar = try makeSecret(count: scalarByteCount)
    let written = try scalar.withMutablePointer { BN_bn2binpad(pointer, $0, Int32(scalarByteCount)) }
    guard written == scalarByteCount else { throw failure(.libraryFailure(.keyExport)) }
    return scalar
  }

  /// The scalar times the generator, as an encoded point.
  private static func publicPoint(of scalar: borrowing LibraryObject) throws(CryptographyError) -> [UInt8] {
    let group = try LibraryObject(
      EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), freedBy: EC_GROUP_free, .keyImport)
    let point = try LibraryObject(EC_POINT_new(group.pointer), freedBy: EC_POINT_free, .keyImport)
    try check(EC_POINT_mul(group.pointer, point.pointer, scalar.pointer, nil, nil, nil), .keyImport)
    var bytes = [UInt8](repeating: 0, count: 1 + coordinatesByteCount)
    let count = EC_POINT_point2oct(
      group.pointer, point.pointer, POINT_CONVERSION_UNCOMPRESSED, &bytes, bytes.count, nil)
    guard count == bytes.count else { throw failure(.invalidKey) }  // zero times the generator has no coordinates
    return bytes
  }

  /// - Parameter nativeScalar: the private scalar in the machine's byte order; nil for a public key.
  private static func makeKey(
    point: [UInt8], nativeScalar: UnsafeMutableRawBufferPointer?
  ) throws(CryptographyError) -> LibraryObject {
    let context = try LibraryObject(
      EVP_PKEY_CTX_new_from_name(nil, cString("EC"), nil), freedBy: EVP_PKEY_CTX_free, .keyImport)
    try check(EVP_PKEY_fromdata_init(context.pointer), .keyImport)
    // The parameters' constructors want mutable memory; it is only read.
    let group = UnsafeMutablePointer(mutating: cString("prime256v1"))
    var point = point
    let pointer = context.pointer
    var key: OpaquePointer?
    let status = point.withUnsafeMutableBufferPointer { point in
      var parameters = [
        OSSL_PARAM_construct_utf8_string(cString("group"), group, 0),
        OSSL_PARAM_construct_octet_string(cString("pub"), point.baseAddress, point.count),
      ]
      if let nativeScalar {
        let number = nativeScalar.baseAddress?.assumingMemoryBound(to: UInt8.self)
        parameters.append(OSSL_PARAM_construct_BN(cString("priv"), number, nativeScalar.count))
      }
      parameters.append(OSSL_PARAM_construct_end())
      let selection = nativeScalar == nil ? LIBCRYPTO_PUBLIC_KEY : LIBCRYPTO_KEY_PAIR
      return EVP_PKEY_fromdata(pointer, &key, Int32(selection), &parameters)
    }
    guard status == 1 else { throw failure(.invalidKey) }
    return try LibraryObject(key, freedBy: EVP_PKEY_free, .keyImport)
  }

  private static let uncompressedPoint: UInt8 = 4  // SEC 1 section 2.3.3
}
