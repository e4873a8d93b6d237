import COSE
import Cryptography

/// What a grant has of its device's own, as bundles and vaults keep it (SPEC 5.1).
public struct GrantRecord: Equatable, Sendable {
  /// Thumbprint of the device's UDS public key, 32 bytes.
  public let deviceID: ArraySlice<UInt8>
  /// 32 bytes.
  public let grantKeyThumbprint: ArraySlice<UInt8>
  public let sequence: UInt64
  /// 32 bytes.
  let encapsulatedKey: ArraySlice<UInt8>
  /// The content key and its tag, 48 bytes.
  let ciphertext: ArraySlice<UInt8>
  /// 64 bytes.
  let signature: ArraySlice<UInt8>

  /// In bytes.
  public static let size = 216

  init(
    deviceID: ArraySlice<UInt8>, grantKeyThumbprint: ArraySlice<UInt8>, sequence: UInt64,
    encapsulatedKey: ArraySlice<UInt8>, ciphertext: ArraySlice<UInt8>, signature: ArraySlice<UInt8>
  ) {
    self.deviceID = deviceID
    self.grantKeyThumbprint = grantKeyThumbprint
    self.sequence = sequence
    self.encapsulatedKey = encapsulatedKey
    self.ciphertext = ciphertext
    self.signature = signature
  }

  /// Takes a record apart; nil if it isn't one: of another size, or with a sequence number of 2^63 or more.
  public init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count == Self.size else { return nil }
    var rest = bytes
    func take(_ count: Int) -> ArraySlice<UInt8> {
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    deviceID = take(COSEKey.thumbprintSize)
    grantKeyThumbprint = take(COSEKey.thumbprintSize)
    sequence = take(MemoryLayout<UInt64>.size).reduce(0) { $0 << 8 | UInt64($1) }
    encapsulatedKey = take(HPKE.encapsulatedKeyByteCount)
    ciphertext = take(Grant.contentKeySize + AEAD.tagByteCount)
    signature = take(SignatureAlgorithm.signatureByteCount)
    guard sequence < Limits.number else { return nil }
  }

  /// Appends the record's bytes.
  public func append(to bytes: inout [UInt8]) {
    bytes += deviceID
    bytes += grantKeyThumbprint
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: sequence >> shift))
    }
    bytes += encapsulatedKey
    bytes += ciphertext
    bytes += signature
  }
}
