import COSE
import Cryptography

/// What a grant has of its device's own, as bundles and vaults keep it (SPEC 5.1).
public struct GrantRecord: Equatable, Sendable {
  /// ``size`` bytes.
  public let bytes: ArraySlice<UInt8>

  /// In bytes.
  public static let size = Place.signature.upperBound

  init(
    deviceID: [UInt8], grantKeyThumbprint: [UInt8], sequence: UInt64, encapsulatedKey: ArraySlice<UInt8>,
    ciphertext: ArraySlice<UInt8>, signature: [UInt8]
  ) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.size)
    bytes += deviceID
    bytes += grantKeyThumbprint
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: sequence >> shift))
    }
    bytes += encapsulatedKey
    bytes += ciphertext
    bytes += signature
    self.bytes = bytes[...]
  }

  /// Nil for what isn't a record: of another size, or with a sequence number of 2^63 or more.
  public init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count == Self.size else { return nil }
    self.bytes = bytes
    guard sequence < Limits.number else { return nil }
  }

  /// Thumbprint of the device's UDS public key, 32 bytes.
  public var deviceID: ArraySlice<UInt8> { part(Place.deviceID) }
  /// 32 bytes.
  public var grantKeyThumbprint: ArraySlice<UInt8> { part(Place.grantKeyThumbprint) }
  public var sequence: UInt64 { part(Place.sequence).reduce(0) { $0 << 8 | UInt64($1) } }
  /// 32 bytes.
  var encapsulatedKey: ArraySlice<UInt8> { part(Place.encapsulatedKey) }
  /// The content key and its tag, 48 bytes.
  var ciphertext: ArraySlice<UInt8> { part(Place.ciphertext) }
  /// 64 bytes.
  var signature: ArraySlice<UInt8> { part(Place.signature) }
}

extension GrantRecord {
  private enum Place {
    static let deviceID = 0..<COSEKey.thumbprintSize
    static let grantKeyThumbprint = behind(deviceID, COSEKey.thumbprintSize)
    static let sequence = behind(grantKeyThumbprint, MemoryLayout<UInt64>.size)
    static let encapsulatedKey = behind(sequence, HPKE.encapsulatedKeyByteCount)
    static let ciphertext = behind(encapsulatedKey, Grant.contentKeySize + AEAD.tagByteCount)
    static let signature = behind(ciphertext, SignatureAlgorithm.signatureByteCount)

    private static func behind(_ place: Range<Int>, _ count: Int) -> Range<Int> {
      place.upperBound..<(place.upperBound + count)
    }
  }

  private func part(_ place: Range<Int>) -> ArraySlice<UInt8> {
    bytes[(bytes.startIndex + place.lowerBound)..<(bytes.startIndex + place.upperBound)]
  }
}
