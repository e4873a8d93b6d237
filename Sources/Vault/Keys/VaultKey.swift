import CBOR
import COSE
import Cryptography
import HuskFormat
import SecretBytes

/// An unlocked vault's key (SPEC 14.2): opens content keys, and vouches for the records that decide who gets them.
///
/// It is of use only with the vault that gave it, and only until that vault's key is rotated. It is wiped when nobody holds it any more.
public final class VaultKey: Sendable {
  /// 32 bytes; encrypts content keys.
  private let key: SecretBytes
  /// 32 bytes; seals records.
  private let recordKey: SecretBytes
  let vaultID: [UInt8]
  /// Counts the rotations.
  let generation: UInt64

  init(_ key: consuming SecretBytes, vaultID: [UInt8], generation: UInt64) throws(CryptographyError) {
    let info = Array("husk vault records".utf8)
    recordKey = try HKDF.sha256.derive(
      salt: RawSpan(), inputKeyMaterial: key, info: info.span.bytes, byteCount: AEAD.keyByteCount)
    self.key = key
    self.vaultID = vaultID
    self.generation = generation
  }

  /// A new random key.
  static func generate(vaultID: [UInt8], generation: UInt64) throws(CryptographyError) -> VaultKey {
    try VaultKey(randomSecret(count: AEAD.keyByteCount), vaultID: vaultID, generation: generation)
  }

  // MARK: The key itself, at rest

  /// Encrypts the key under what unlocks it.
  func wrapped(with secret: borrowing UnlockingSecret, _ method: UnlockingMethod) throws(VaultError) -> [UInt8] {
    let unlockingKey = try method.unlockingKey(from: secret)
    do throws(CryptographyError) {
      return try KeyedEncrypt0.seal(
        key, key: unlockingKey, externalAAD: Self.wrappingAAD(vaultID, generation, method))
    } catch {
      throw .cryptography(error)
    }
  }

  /// Decrypts the key; throws `wrongVaultKey` if the secret isn't the one.
  convenience init(
    unwrapping wrapped: [UInt8], with secret: borrowing UnlockingSecret, _ method: UnlockingMethod, vaultID: [UInt8],
    generation: UInt64
  ) throws(VaultError) {
    let unlockingKey = try method.unlockingKey(from: secret)
    let key: SecretBytes
    do throws(COSEError) {
      key = try KeyedEncrypt0.open(
        wrapped, key: unlockingKey, externalAAD: Self.wrappingAAD(vaultID, generation, method))
    } catch {
      switch error {
      case .decryptionFailed: throw .wrongVaultKey(method)
      case .cryptography(let error): throw .cryptography(error)
      default: throw .damaged(.meta)
      }
    }
    guard key.count == AEAD.keyByteCount else { throw .damaged(.meta) }
    do throws(CryptographyError) {
      try self.init(key, vaultID: vaultID, generation: generation)
    } catch {
      throw .cryptography(error)
    }
  }

  private static func wrappingAAD(_ vaultID: [UInt8], _ generation: UInt64, _ method: UnlockingMethod) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(text: "husk-vault-key")
    encoder.encode(bytes: vaultID)
    encoder.encode(unsigned: generation)
    encoder.encode(encoded: method.encoded)
    return encoder.bytes
  }

  // MARK: Content keys

  /// Encrypts a content key for one module and epoch.
  func seal(_ contentKey: borrowing SecretBytes, of module: Name, epoch: UInt64) throws(VaultError) -> [UInt8] {
    do throws(CryptographyError) {
      return try KeyedEncrypt0.seal(contentKey, key: key, externalAAD: Self.contentKeyAAD(module, epoch))
    } catch {
      throw .cryptography(error)
    }
  }

  func open(_ sealed: [UInt8], of module: Name, epoch: UInt64) throws(VaultError) -> SecretBytes {
    do throws(COSEError) {
      let contentKey = try KeyedEncrypt0.open(sealed, key: key, externalAAD: Self.contentKeyAAD(module, epoch))
      if contentKey.count == Grant.contentKeySize { return contentKey }
    } catch {
      if case .cryptography(let error) = error { throw .cryptography(error) }
    }
    throw .damagedContentKey(module, epoch)
  }

  private static func contentKeyAAD(_ module: Name, _ epoch: UInt64) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(3)
    encoder.encode(text: "husk-content-key")
    module.encode(to: &encoder)
    encoder.encode(unsigned: epoch)
    return encoder.bytes
  }

  // MARK: Seals

  static let sealSize = 16

  func makeSealer() throws(VaultError) -> RecordSealer {
    try RecordSealer(recordKey)
  }

  /// What only a holder of the vault key can make for a record (SPEC 14.3).
  func seal(_ record: [UInt8]) throws(VaultError) -> [UInt8] {
    try makeSealer().seal(record)
  }

  func isSealed(_ record: [UInt8], by seal: [UInt8]) throws(VaultError) -> Bool {
    try makeSealer().isSealed(record, by: seal)
  }
}
