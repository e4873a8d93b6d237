import CBOR
import COSE
import Cryptography

/// The grant key of a device as its attestation key certifies it (SPEC 6).
public struct DeviceKeyClaims: Equatable, Sendable {
  /// X25519, 32 bytes.
  public let grantKey: [UInt8]
  public let lifecycle: Lifecycle
  /// Raising the fused key epoch re-keys the device.
  public let keyEpoch: UInt64
  /// Of its secure storage (SPEC 7.8): losing that re-keys the device, too.
  public let generation: UInt64

  public static let type: StaticString = "application/husk-device-key+cwt"

  public init(grantKey: [UInt8], lifecycle: Lifecycle, keyEpoch: UInt64, generation: UInt64) {
    self.grantKey = grantKey
    self.lifecycle = lifecycle
    self.keyEpoch = keyEpoch
    self.generation = generation
  }

  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(Label.confirmation) { item in
        item.encodeMap { map in map.set(Label.confirmationKey) { $0.encode(encoded: COSEKey.encode(x25519: grantKey)) }
        }
      }
      map.set(Label.lifecycle) { lifecycle.encode(to: &$0) }
      map.set(Label.keyEpoch) { $0.encode(unsigned: keyEpoch) }
      map.set(Label.generation) { $0.encode(unsigned: generation) }
    }
    return encoder.bytes
  }

  init(parsing payload: ArraySlice<UInt8>) throws(FormatError) {
    var reader = CBORReader(payload)
    let start = reader.position
    self = try parsing(.deviceKey) { () throws(CBORError) in
      var map = try reader.readMap()
      // Every claim is required, so the order of labels is known.
      guard map.remaining == 4, try reader.nextIntegerKey(&map) == Label.confirmation else {
        throw CBORError(.unexpectedType, at: start)
      }
      var confirmation = try reader.readMap()
      guard confirmation.remaining == 1, try reader.nextIntegerKey(&confirmation) == Label.confirmationKey else {
        throw CBORError(.unexpectedType, at: start)
      }
      let key = try Self.readKey(&reader)
      guard try reader.nextIntegerKey(&map) == Label.lifecycle else { throw CBORError(.unexpectedType, at: start) }
      let lifecycle = try Lifecycle(&reader)
      guard try reader.nextIntegerKey(&map) == Label.keyEpoch else { throw CBORError(.unexpectedType, at: start) }
      let keyEpoch = try reader.readCount()
      guard try reader.nextIntegerKey(&map) == Label.generation else { throw CBORError(.unexpectedType, at: start) }
      let generation = try reader.readCount()
      try reader.finish()
      return DeviceKeyClaims(grantKey: key, lifecycle: lifecycle, keyEpoch: keyEpoch, generation: generation)
    }
  }

  private static func readKey(_ reader: inout CBORReader) throws(CBORError) -> [UInt8] {
    let start = reader.position
    do throws(COSEError) {
      return try COSEKey.readX25519Key(&reader)
    } catch {
      throw CBORError(.unexpectedType, at: start)
    }
  }
}

extension DeviceKeyClaims {
  private enum Label {
    static let confirmation: Int64 = 8
    static let confirmationKey: Int64 = 1
    static let lifecycle: Int64 = -70011
    static let keyEpoch: Int64 = -70012
    static let generation: Int64 = -70013
  }
}
