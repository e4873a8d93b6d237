import CBOR
import Cryptography
import ErrorClass
import HuskFormat
import SecretBytes

/// How a state lies in a storage file (SPEC 7.8): encrypted and authenticated together with the counter it was written for.
enum SealedState {
  /// The size that a state is padded to, in bytes.
  static let paddedSize = 61_440

  /// Encodes a storage file.
  static func seal(
    _ state: SecureState, counter: UInt64, key: borrowing SecretBytes
  ) throws(CryptographyError) -> [UInt8] {
    var plaintext = state.encoded()
    guard plaintext.count <= paddedSize else { throw .invalidLength }
    plaintext += [UInt8](repeating: 0, count: paddedSize - plaintext.count)
    let salt = try randomBytes(count: saltSize)
    let fileKey = try derive(key, salt)
    let aad = aad(counter)
    let ciphertext = try AEAD.aes256GCM.seal(
      key: fileKey, nonce: nonce.span.bytes, aad: aad.span.bytes, plaintext: plaintext.span.bytes)
    var encoder = CBOREncoder()
    FileLabel.storage.encode(to: &encoder)
    encoder.beginArray(3)
    encoder.encode(unsigned: counter)
    encoder.encode(bytes: salt)
    encoder.encode(bytes: ciphertext)
    return encoder.bytes
  }

  /// Opens a storage file; nil if it isn't one, or not this device's. The state in it is nil if it is of a version that
  /// isn't known here.
  static func open(
    _ file: [UInt8], key: borrowing SecretBytes
  ) throws(CryptographyError) -> (state: SecureState?, counter: UInt64)? {
    guard let parts = parse(file) else { return nil }
    let fileKey = try derive(key, parts.salt)
    let aad = aad(parts.counter)
    var plaintext = [UInt8](repeating: 0, count: paddedSize)
    do throws(CryptographyError) {
      var span = plaintext.mutableSpan
      _ = try span.withUnsafeMutableBytes { (buffer) throws(CryptographyError) in
        try AEAD.aes256GCM.open(
          key: fileKey, nonce: nonce.span.bytes, aad: aad.span.bytes, ciphertext: parts.ciphertext.span.bytes,
          into: buffer)
      }
    } catch {
      guard error == .authenticationFailed else { throw error }
      return nil
    }
    do throws(CBORError) {
      return (try SecureState(padded: plaintext), parts.counter)
    } catch {
      return nil
    }
  }
}

extension SealedState {
  private static let saltSize = 32
  private static let nonce = [UInt8](repeating: 0, count: AEAD.nonceByteCount)

  private static func parse(_ file: [UInt8]) -> (counter: UInt64, salt: [UInt8], ciphertext: [UInt8])? {
    var reader = CBORReader(file)
    do throws(FormatError) {
      try FileLabel.storage.read(&reader)
    } catch {
      return nil
    }
    do throws(CBORError) {
      try reader.expectArray(of: 3)
      let counter = try reader.readCount()
      let salt = Array(try reader.readBytes(count: saltSize))
      let ciphertext = Array(try reader.readBytes(count: paddedSize + AEAD.tagByteCount))
      try reader.finish()
      return (counter, salt, ciphertext)
    } catch {
      return nil
    }
  }

  private static func derive(
    _ key: borrowing SecretBytes, _ salt: [UInt8]
  ) throws(CryptographyError) -> SecretBytes {
    let info: [UInt8] = ("husk storage file" as StaticString).withUTF8Buffer { Array($0) }
    return try HKDF.sha256.derive(
      salt: salt.span.bytes, inputKeyMaterial: key, info: info.span.bytes, byteCount: AEAD.keyByteCount)
  }

  private static func aad(_ counter: UInt64) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(text: "husk-storage")
    encoder.encode(unsigned: counter)
    return encoder.bytes
  }
}
