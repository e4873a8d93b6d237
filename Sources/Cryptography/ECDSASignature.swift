import CLibCrypto

/// The two forms of an ECDSA signature: r ‖ s, as COSE writes it, and the DER structure that libcrypto reads.
enum ECDSASignature {
  static func der(fromRaw raw: RawSpan) throws(CryptographyError) -> [UInt8] {
    guard raw.byteCount == 2 * integerByteCount else { throw .invalidSignature }
    let signature = try LibraryObject(ECDSA_SIG_new(), freedBy: ECDSA_SIG_free, .sign)
    let (r, s) = raw.withPointer { raw in
      (BN_bin2bn(raw, Int32(integerByteCount), nil), BN_bin2bn(raw + integerByteCount, Int32(integerByteCount), nil))
    }
    // Takes over r and s, but only if it succeeds: that is, if both are there.
    guard ECDSA_SIG_set0(signature.pointer, r, s) == 1 else {
      BN_free(r)
      BN_free(s)
      throw failure(.libraryFailure(.sign))
    }
    var der = [UInt8](repeating: 0, count: largestDER)
    let count = der.withUnsafeMutableBufferPointer { buffer in
      var end = buffer.baseAddress
      return Int(i2d_ECDSA_SIG(signature.pointer, &end))
    }
    guard count > 0 else { throw failure(.libraryFailure(.sign)) }
    der.removeLast(largestDER - count)
    return der
  }

  static func raw(fromDER der: [UInt8]) throws(CryptographyError) -> [UInt8] {
    let parsed = der.withUnsafeBufferPointer { der in
      var position = der.baseAddress
      return d2i_ECDSA_SIG(nil, &position, der.count)
    }
    let signature = try LibraryObject(parsed, freedBy: ECDSA_SIG_free, .sign)
    var raw = [UInt8](repeating: 0, count: 2 * integerByteCount)
    let (r, s) = raw.withUnsafeMutableBufferPointer { raw in
      guard let r = raw.baseAddress else { return (Int32(0), Int32(0)) }
      return (
        BN_bn2binpad(ECDSA_SIG_get0_r(signature.pointer), r, Int32(integerByteCount)),
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.pointer), r + integerByteCount, Int32(integerByteCount))
      )
    }
    guard r == integerByteCount, s == integerByteCount else { throw failure(.libraryFailure(.sign)) }
    return raw
  }

  /// A sequence of two integers of 32 bytes, each with a leading zero.
  static let largestDER = 72

  private static let integerByteCount = 32
}
