import CBOR
import COSE
import Cryptography
import HuskFormat
import SecretBytes

/// How a content key lies in the vault (SPEC 14): sealed to the vault key, bound to its module and epoch, with a tag
/// that only the holder of the vault key can make.
///
/// Anybody can seal to a public key: without the tag, who can write the vault's file could plant content keys.
struct SealedContentKey {
  /// COSE_Encrypt0.
  let sealed: [UInt8]
  let tag: [UInt8]

  static let tagSize = 32

  init(sealed: [UInt8], tag: [UInt8]) {
    self.sealed = sealed
    self.tag = tag
  }

  /// Seals a key.
  init(
    _ key: borrowing SecretBytes, module: Name, epoch: UInt64, with vaultKey: borrowing X25519PrivateKey
  ) throws(CryptographyError) {
    sealed = try Encrypt0.seal(key, to: vaultKey.publicKey, externalAAD: Self.context(module, epoch))
    tag = try Self.tag(sealed, module, epoch, vaultKey).withBytes { $0.withUnsafeBytes { Array($0) } }
  }

  /// Checks the tag, then opens the key.
  func open(
    module: Name, epoch: UInt64, with vaultKey: borrowing X25519PrivateKey
  ) throws(VaultError) -> SecretBytes {
    let isGenuine: Bool
    do throws(CryptographyError) {
      isGenuine = try Self.tag(sealed, module, epoch, vaultKey).withBytes { constantTimeEquals($0, tag.span.bytes) }
    } catch {
      throw .cryptography(error)
    }
    guard isGenuine else { throw .foreignContentKey(module, epoch) }
    var reader = CBORReader(sealed)
    do throws(COSEError) {
      let key = try Encrypt0(&reader).open(with: vaultKey, externalAAD: Self.context(module, epoch))
      if key.count == Grant.contentKeySize { return key }
    } catch {
      if case .cryptography(let error) = error { throw .cryptography(error) }
    }
    throw .damagedContentKey(module, epoch)
  }

  /// The vault key agrees with itself on a secret that only its holder knows; from it comes the tag.
  private static func tag(
    _ sealed: [UInt8], _ module: Name, _ epoch: UInt64, _ vaultKey: borrowing X25519PrivateKey
  ) throws(CryptographyError) -> SecretBytes {
    let info = array("husk-content-key-tag", module, epoch, sealed)
    let secret = try vaultKey.sharedSecret(with: vaultKey.publicKey.span.bytes)
    return try HKDF.sha256.derive(
      salt: RawSpan(), inputKeyMaterial: secret, info: info.span.bytes, byteCount: tagSize)
  }

  private static func context(_ module: Name, _ epoch: UInt64) -> [UInt8] {
    array("husk-content-key", module, epoch)
  }

  private static func array(_ label: StaticString, _ module: Name, _ epoch: UInt64, _ sealed: [UInt8]? = nil) -> [UInt8]
  {
    var encoder = CBOREncoder()
    encoder.beginArray(sealed == nil ? 3 : 4)
    encoder.encode(text: label)
    // A name is ASCII, which is always text.
    do throws(CBORError) { try encoder.encode(textUTF8: module.bytes) } catch { encoder.encodeNull() }
    encoder.encode(unsigned: epoch)
    if let sealed { encoder.encode(bytes: sealed) }
    return encoder.bytes
  }
}
