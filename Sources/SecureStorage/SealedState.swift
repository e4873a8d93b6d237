import CBOR
import Cryptography
import ErrorClass
import HuskFormat
import SecretBytes

/// How a state lies in a storage file (SPEC 7.8): encrypted and authenticated together with the counter it was written for.
enum SealedState {
  /// The size that a state is padded to, in bytes.
  static let paddedSize = 61_440

  /// What a storage file holds.
  struct Content {
    /// Nil if it is of a version that isn't known here.
    let state: SecureState?
    let counter: UInt64
    /// Whether whatever else can come in force under this counter or the next holds all that this state does.
    let isSettled: Bool
  }

  /// Encodes a storage file.
  static func seal(
    _ state: SecureState, counter: UInt64, isSettled: Bool = false, key: borrowing SecretBytes
  ) throws(CryptographyError) -> [UInt8] {
    var plaintext = state.encoded()
    guard plaintext.count <= paddedSize else { throw .invalidLength }
    plaintext += [UInt8](repeating: 0, count: paddedSize - plaintext.count)
    let salt = try randomBytes(count: saltSize)
    let fileKey = try derive(key, salt)
    let aad = aad(counter, isSettled: isSettled)
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

  /// Opens a storage file; nil if it isn't one, or not this device's.
  static func open(_ file: [UInt8], key: borrowing SecretBytes) throws(CryptographyError) -> Content? {
    guard let parts = parse(file) else { return nil }
    let fileKey = try derive(key, parts.salt)
    for isSettled in [true, false] {
      guard let plaintext = try decrypt(parts, isSettled: isSettled, key: fileKey) else { continue }
      do throws(CBORError) {
        return Content(state: try SecureState(padded: plaintext), counter: parts.counter, isSettled: isSettled)
      } catch {
        return nil
      }
    }
    return nil
  }
}

extension SealedState {
  private static let saltSize = 32
  private static let nonce = [UInt8](repeating: 0, count: AEAD.nonceByteCount)

  private struct Parts {
    let counter: UInt64
    let salt: [UInt8]
    let ciphertext: [UInt8]
  }

  /// Nil if it isn't authentic.
  private static func decrypt(
    _ parts: Parts, isSettled: Bool, key: borrowing SecretBytes
  ) throws(CryptographyError) -> [UInt8]? {
    let aad = aad(parts.counter, isSettled: isSettled)
    var plaintext = [UInt8](repeating: 0, count: paddedSize)
    do throws(CryptographyError) {
      var span = plaintext.mutableSpan
      _ = try span.withUnsafeMutableBytes { (buffer) throws(CryptographyError) in
        try AEAD.aes256GCM.open(
          key: key, nonce: nonce.span.bytes, aad: aad.span.bytes, ciphertext: parts.ciphertext.span.bytes,
          into: buffer)
      }
    } catch {
      guard error == .authenticationFailed else { throw error }
      return nil
    }
    return plaintext
  }

  private static func parse(_ file: [UInt8]) -> Parts? {
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
      return Parts(counter: counter, salt: salt, ciphertext: ciphertext)
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

  private static func aad(_ counter: UInt64, isSettled: Bool) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(text: isSettled ? "husk-storage-settled" : "husk-storage")
    encoder.encode(unsigned: counter)
    return encoder.bytes
  }
}
