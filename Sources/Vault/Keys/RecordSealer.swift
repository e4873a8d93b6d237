import CBOR
import Cryptography
import HuskFormat
import SecretBytes

/// Seals records with a vault's key (SPEC 14.3): many of them with less work for each. Not for several threads at once.
final class RecordSealer {
  private var expander: HKDF.Expander

  /// - Parameter key: derived from the vault key for this purpose.
  init(_ key: borrowing SecretBytes) throws(VaultError) {
    do throws(CryptographyError) {
      expander = try HKDF.Expander(.sha256, key)
    } catch {
      throw .cryptography(error)
    }
  }

  /// What only a holder of the vault key can make for a record.
  func seal(_ record: [UInt8]) throws(VaultError) -> [UInt8] {
    do throws(CryptographyError) {
      let seal = try expander.expand(info: record.span.bytes, byteCount: VaultKey.sealSize)
      return seal.withBytes { $0.withUnsafeBytes { Array($0) } }
    } catch {
      throw .cryptography(error)
    }
  }

  func isSealed(_ record: [UInt8], by seal: [UInt8]) throws(VaultError) -> Bool {
    let expected = try self.seal(record)
    return constantTimeEquals(expected.span.bytes, seal.span.bytes)
  }
}

/// The records that are sealed, in the encodings that the seals cover. What they have in common: it decides whether a
/// content key is wrapped to a device.
enum SealedRecord {
  static func trust(_ kind: Trust.Kind, _ value: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(3)
    encoder.encode(text: "husk-trust")
    encoder.encode(unsigned: UInt64(kind.rawValue))
    encoder.encode(bytes: value)
    return encoder.bytes
  }

  static func device(
    _ id: [UInt8], status: DeviceStatus, batch: String?, grantKey: [UInt8], keyEpoch: UInt64, generation: UInt64,
    lifecycle: Lifecycle, platform: Platform
  ) -> [UInt8] {
    var encoder = CBOREncoder(capacity: 512)
    encoder.beginArray(9)
    encoder.encode(text: "husk-device")
    encoder.encode(bytes: id)
    encoder.encode(unsigned: UInt64(status.rawValue))
    if let batch { encoder.encode(string: batch) } else { encoder.encodeNull() }
    encoder.encode(bytes: grantKey)
    encoder.encode(unsigned: keyEpoch)
    encoder.encode(unsigned: generation)
    lifecycle.encode(to: &encoder)
    encoder.beginArray(5)
    encoder.encode(bytes: platform.deviceRoot)
    encoder.encode(bytes: platform.loaderRoot)
    encoder.encode(bytes: platform.loader)
    encoder.encode(bytes: platform.decryptorRoot)
    encoder.encode(bytes: platform.decryptor)
    return encoder.bytes
  }

  static func tag(_ name: String, of device: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder(capacity: 128)
    encoder.beginArray(3)
    encoder.encode(text: "husk-tag")
    encoder.encode(bytes: device)
    encoder.encode(string: name)
    return encoder.bytes
  }

  /// - Parameter terms: SHA-256 of the encoding of its series' terms; nil if another vault says that it issued it.
  static func grant(to device: [UInt8], module: Name, sequence: UInt64, terms: [UInt8]?) -> [UInt8] {
    var encoder = CBOREncoder(capacity: 256)
    encoder.beginArray(5)
    encoder.encode(text: "husk-grant-record")
    encoder.encode(bytes: device)
    module.encode(to: &encoder)
    encoder.encode(unsigned: sequence)
    if let terms { encoder.encode(bytes: terms) } else { encoder.encodeNull() }
    return encoder.bytes
  }
}
