import Cryptography
import SecretBytes

/// An ES256 key of a name, whose signatures are the same in every run, which libcrypto's aren't.
///
/// Its nonce is 1: whoever sees a signature can compute the key. That is no loss with a key that everybody can derive
/// from its name, and r is then the generator's x coordinate and s is z + r·d, with no inverse to compute.
struct FixedNonceSigner: Signer {
  let algorithm = SignatureAlgorithm.es256
  private let key: PublicKey
  private let scalar: Number256

  init(_ name: String) throws {
    let scalar = bytes(named: name)
    key = try Self.signingKey(scalar).publicKey()
    self.scalar = Number256(scalar)
  }

  func publicKey() throws(SignerError) -> PublicKey { key }

  func sign(_ message: RawSpan) throws(SignerError) -> [UInt8] {
    do throws(CryptographyError) {
      let hash = Number256(try SHA256.hash(message))
      let generator = Number256(Self.generatorX)
      let product = generator.multiplied(by: scalar, modulo: Self.order)
      return Self.generatorX + product.added(to: hash.reduced(modulo: Self.order), modulo: Self.order).bytes
    } catch {
      throw .cryptography(error)
    }
  }

  /// The key as libcrypto has it.
  static func signingKey(_ scalar: [UInt8]) throws -> SigningKey {
    // PrivateKeyInfo (RFC 5958) with the smallest ECPrivateKey (RFC 5915) that there is.
    let algorithm: [UInt8] = [
      0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
      0x01, 0x07,
    ]
    let key = [0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20] + scalar
    let pem = armor([0x30, 0x41, 0x02, 0x01, 0x00] + algorithm + key)
    return try SigningKey(pem: secret(Array(pem.utf8))) { nil }
  }

  private static func armor(_ der: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: der.count, by: 3) {
      let group = der[start..<min(start + 3, der.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0..<4 {
        text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : "=")
      }
      if text.count % 65 == 64 { text.append("\n") }
    }
    return "-----BEGIN PRIVATE KEY-----\n\(text)\n-----END PRIVATE KEY-----\n"
  }

  /// The x coordinate of P-256's generator (SP 800-186).
  private static let generatorX: [UInt8] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
  ]

  /// The order of P-256.
  private static let order = Number256([
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
  ])
}

/// An unsigned integer of 256 bits, with as much arithmetic as a signature takes.
private struct Number256 {
  /// The least significant first.
  private var limbs: [UInt64]

  /// - Parameter bytes: 32, big-endian.
  init(_ bytes: [UInt8]) {
    limbs = stride(from: 24, through: 0, by: -8).map { start in
      bytes[start..<(start + 8)].reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  var bytes: [UInt8] {
    limbs.reversed().flatMap { limb in
      stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: limb >> $0) }
    }
  }

  /// For numbers below twice the modulus.
  func reduced(modulo modulus: Number256) -> Number256 {
    isBelow(modulus) ? self : subtracting(modulus)
  }

  func added(to other: Number256, modulo modulus: Number256) -> Number256 {
    var sum = self
    var carry: UInt64 = 0
    for index in limbs.indices {
      let (half, first) = limbs[index].addingReportingOverflow(other.limbs[index])
      let (whole, second) = half.addingReportingOverflow(carry)
      sum.limbs[index] = whole
      carry = first || second ? 1 : 0
    }
    return carry == 1 ? sum.subtracting(modulus) : sum.reduced(modulo: modulus)
  }

  /// Doubles and adds: slow, and short.
  func multiplied(by other: Number256, modulo modulus: Number256) -> Number256 {
    var product = Number256([UInt8](repeating: 0, count: 32))
    let summand = reduced(modulo: modulus)
    for bit in stride(from: 255, through: 0, by: -1) {
      product = product.added(to: product, modulo: modulus)
      if other.limbs[bit / 64] >> UInt64(bit % 64) & 1 == 1 { product = product.added(to: summand, modulo: modulus) }
    }
    return product
  }

  private func isBelow(_ other: Number256) -> Bool {
    for index in limbs.indices.reversed() where limbs[index] != other.limbs[index] {
      return limbs[index] < other.limbs[index]
    }
    return false
  }

  /// What is borrowed beyond the last limb is forgotten.
  private func subtracting(_ other: Number256) -> Number256 {
    var difference = self
    var borrow: UInt64 = 0
    for index in limbs.indices {
      let (half, first) = limbs[index].subtractingReportingOverflow(other.limbs[index])
      let (whole, second) = half.subtractingReportingOverflow(borrow)
      difference.limbs[index] = whole
      borrow = first || second ? 1 : 0
    }
    return difference
  }
}
