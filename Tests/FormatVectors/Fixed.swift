import CBOR
import COSE
import FormatFixtures
import SecretBytes

@testable import Cryptography

/// What is drawn at random in production, made from names: so that vectors are the same bytes in every run.
enum Fixed {
  /// Wraps a content key (SPEC 5) with an ephemeral key that never changes.
  static func wrap(terms: [UInt8], contentKey: [UInt8], recipient: [UInt8]) throws -> [UInt8] {
    let ephemeralKey = try X25519PrivateKey(secret(named: "ephemeral key"))
    let externalAAD = RawMap.item { item in
      item.beginArray(2)
      item.encode(text: "husk-grant")
      item.encode(encoded: terms)
    }
    let aad = RawMap.item { item in
      item.beginArray(3)
      item.encode(text: "Encrypt0")
      item.encode(bytes: [0xa1, 0x01, 0x18, 0x2a])
      item.encode(bytes: externalAAD)
    }
    let ciphertext = try FixedHPKE.seal(contentKey, to: recipient, from: ephemeralKey, aad: aad)
    return RawMap.item {
      Encrypt0(encapsulatedKey: ephemeralKey.publicKey[...], ciphertext: ciphertext[...]).encode(to: &$0)
    }
  }

  /// Encrypts a payload (SPEC 4.2, step 3).
  ///
  /// - Parameter context: the encoded payload-context.
  static func encrypt(_ plaintext: [UInt8], key: [UInt8], context: [UInt8], salt: String = "salt") throws -> [UInt8] {
    let salt = Array(bytes(named: salt).prefix(ChunkedEncryption.saltByteCount))
    var sealer = try ChunkSealer(key: secret(key), context: context.span.bytes, salt: salt)
    var ciphertext = sealer.header
    var position = 0
    var chunk = [UInt8](repeating: 0, count: ChunkedEncryption.sealedChunkByteCount)
    while !sealer.isComplete {
      let end = min(position + ChunkedEncryption.chunkByteCount, plaintext.count)
      let part = Array(plaintext[position..<end])
      let count = try chunk.withUnsafeMutableBytes { try sealer.seal(chunk: part.span.bytes, into: $0) }
      ciphertext += chunk[..<count]
      position = end
    }
    return ciphertext
  }

  /// Encrypts a state for a storage file (SPEC 7.8).
  static func seal(state: [UInt8], counter: UInt64, key: [UInt8], padded size: Int = 61_440) throws -> [UInt8] {
    let salt = bytes(named: "storage salt")
    let fileKey = try HKDF.sha256.derive(
      salt: salt.span.bytes, inputKeyMaterial: secret(key), info: Array("husk storage file".utf8).span.bytes,
      byteCount: 32)
    let aad = RawMap.item { item in
      item.beginArray(2)
      item.encode(text: "husk-storage")
      item.encode(unsigned: counter)
    }
    let plaintext = state + [UInt8](repeating: 0, count: size - state.count)
    let ciphertext = try AEAD.aes256GCM.seal(
      key: fileKey, nonce: [UInt8](repeating: 0, count: 12).span.bytes, aad: aad.span.bytes,
      plaintext: plaintext.span.bytes)
    return storageFile(counter: counter, salt: salt, ciphertext: ciphertext)
  }

  static func storageFile(counter: UInt64, salt: [UInt8], ciphertext: [UInt8]) -> [UInt8] {
    [0xd9, 0xd9, 0xf7, 0xda, 0x48, 0x75, 0x73, 0x54]
      + RawMap.item { item in
        item.beginArray(3)
        item.encode(unsigned: counter)
        item.encode(bytes: salt)
        item.encode(bytes: ciphertext)
      }
  }

  /// Bytes that don't compress.
  static func noise(_ count: Int) -> [UInt8] {
    var noise: [UInt8] = []
    while noise.count < count { noise += bytes(named: "noise \(noise.count)") }
    return Array(noise.prefix(count))
  }
}
