import Cryptography
import FormatFixtures
import SecretBytes

/// HPKE (RFC 9180), mode base, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, empty info: the sender's side, with
/// an ephemeral key that is given.
enum FixedHPKE {
  static func seal(
    _ plaintext: [UInt8], to recipient: [UInt8], from ephemeralKey: borrowing X25519PrivateKey, aad: [UInt8]
  ) throws -> [UInt8] {
    let kem = Labels(suite: Array("KEM".utf8) + [0, 0x20])
    let agreed = try bytes(ephemeralKey.sharedSecret(with: recipient.span.bytes))
    let shared = try kem.expand(
      kem.extract([], "eae_prk", agreed), "shared_secret", ephemeralKey.publicKey + recipient, count: 32)

    let suite = Labels(suite: Array("HPKE".utf8) + [0, 0x20, 0, 1, 0, 3])
    let context = [0] + (try suite.extract([], "psk_id_hash", [])) + (try suite.extract([], "info_hash", []))
    let scheduled = try suite.extract(shared, "secret", [])
    let key = try suite.expand(scheduled, "key", context, count: 32)
    let nonce = try suite.expand(scheduled, "base_nonce", context, count: 12)
    return try AEAD.chaCha20Poly1305.seal(
      key: secret(key), nonce: nonce.span.bytes, aad: aad.span.bytes, plaintext: plaintext.span.bytes)
  }

  private static func bytes(_ secret: borrowing SecretBytes) -> [UInt8] {
    secret.withBytes { $0.withUnsafeBytes { Array($0) } }
  }

  /// LabeledExtract and LabeledExpand of section 4.
  private struct Labels {
    let suite: [UInt8]

    func extract(_ salt: [UInt8], _ label: String, _ material: [UInt8]) throws -> [UInt8] {
      let labelled = Array("HPKE-v1".utf8) + suite + Array(label.utf8) + material
      return bytes(try HKDF.sha256.extract(salt: salt.span.bytes, inputKeyMaterial: labelled.span.bytes))
    }

    func expand(_ key: [UInt8], _ label: String, _ info: [UInt8], count: Int) throws -> [UInt8] {
      let labelled = [0, UInt8(count)] + Array("HPKE-v1".utf8) + suite + Array(label.utf8) + info
      return bytes(try HKDF.sha256.expand(secret(key), info: labelled.span.bytes, byteCount: count))
    }
  }
}
