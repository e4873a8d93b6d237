import CBOR
import COSE
import Cryptography
import HuskFormat
import SecretBytes

/// How a content key lies in the vault: sealed to the vault key, bound to its module and epoch (SPEC 14).
enum SealedContentKey {
  static func seal(
    _ key: borrowing SecretBytes, module: Name, epoch: UInt64, to vaultKey: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    try Encrypt0.seal(key, to: vaultKey, externalAAD: aad(module, epoch))
  }

  static func open(
    _ sealed: [UInt8], module: Name, epoch: UInt64, with vaultKey: borrowing X25519PrivateKey
  ) throws(VaultError) -> SecretBytes {
    var reader = CBORReader(sealed)
    do throws(COSEError) {
      let key = try Encrypt0(&reader).open(with: vaultKey, externalAAD: aad(module, epoch))
      if key.count == Grant.contentKeySize { return key }
    } catch {
      if case .cryptography(let error) = error { throw .cryptography(error) }
    }
    throw .damagedContentKey(module, epoch)
  }

  private static func aad(_ module: Name, _ epoch: UInt64) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(3)
    encoder.encode(text: "husk-content-key")
    // A name is ASCII, which is always text.
    do throws(CBORError) { try encoder.encode(textUTF8: module.bytes) } catch { encoder.encodeNull() }
    encoder.encode(unsigned: epoch)
    return encoder.bytes
  }
}
