import CLibCrypto
public import SecretBytes

/// The password-based key derivation function of RFC 7914, with costs that are neither too low to protect a passphrase
/// nor so high that a file which names them could exhaust the machine.
public struct Scrypt: Equatable, Sendable {
  /// log2 of the cost N, 17 to 20. Memory and time grow with N: 128 MiB at 17.
  public let logCost: Int
  /// The parallelisation p, 1 to 4: time grows with it, memory doesn't.
  public let parallelization: Int

  /// The block size r.
  public static let blockSize = 8
  public static let saltByteCount = 16

  /// What new passphrases are protected with.
  public static let recommended = Scrypt(logCost: 17)

  /// Nil beyond the limits.
  public init?(logCost: Int, parallelization: Int) {
    guard (17...20).contains(logCost), (1...4).contains(parallelization) else { return nil }
    self.logCost = logCost
    self.parallelization = parallelization
  }

  private init(logCost: Int) {
    self.logCost = logCost
    parallelization = 1
  }

  /// Derives a key of `byteCount` bytes from a passphrase.
  ///
  /// - Parameter salt: random, stored beside what the key protects.
  public func derive(
    _ passphrase: borrowing SecretBytes, salt: RawSpan, byteCount: Int
  ) throws(CryptographyError) -> SecretBytes {
    _ = try Library.shared()
    guard byteCount > 0 else { throw .invalidLength }
    var key = try makeSecret(count: byteCount)
    let cost = UInt64(1) << UInt64(logCost)
    // N + p + 1 blocks of 128 r bytes are what the function takes; libcrypto counts a few more.
    let memory = 128 * UInt64(Self.blockSize) * (cost + UInt64(parallelization) + 16)
    let passphraseCount = passphrase.count
    let status = try key.withMutablePointer { key in
      passphrase.withPointer { passphrase in
        passphrase.withMemoryRebound(to: CChar.self, capacity: passphraseCount) { passphrase in
          salt.withPointer { salt_ in
            EVP_PBE_scrypt(
              passphrase, passphraseCount, salt_, salt.byteCount, cost, UInt64(Self.blockSize),
              UInt64(parallelization), memory, key, byteCount)
          }
        }
      }
    }
    try check(status, .keyDerivation)
    return key
  }
}
