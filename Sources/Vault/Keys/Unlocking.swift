public import Cryptography
public import SecretBytes
import CBOR

/// What a person or program brings to unlock a vault (SPEC 14.2).
public enum UnlockingSecret: ~Copyable, Sendable {
  case passphrase(SecretBytes)
  /// 32 bytes.
  case key(SecretBytes)
}

/// How a vault is unlocked.
public enum UnlockingMethod: Equatable, Sendable {
  case passphrase(Scrypt, salt: [UInt8])
  /// A key of 32 random bytes that is kept apart.
  case key

  /// A method for a new secret.
  init(for secret: borrowing UnlockingSecret) throws(CryptographyError) {
    switch secret {
    case .passphrase: self = .passphrase(.recommended, salt: try randomBytes(count: Scrypt.saltByteCount))
    case .key: self = .key
    }
  }

  /// The key that the vault key is encrypted under. Throws `wrongUnlocking` if the vault takes the other kind of secret.
  func unlockingKey(from secret: borrowing UnlockingSecret) throws(VaultError) -> SecretBytes {
    do throws(CryptographyError) {
      switch secret {
      case .passphrase(let passphrase):
        guard case .passphrase(let scrypt, let salt) = self else { break }
        return try scrypt.derive(passphrase, salt: salt.span.bytes, byteCount: AEAD.keyByteCount)
      case .key(let key):
        guard case .key = self else { break }
        guard key.count == AEAD.keyByteCount else { throw .invalidLength }
        return try key.withBytes { (bytes) throws(CryptographyError) in
          do throws(SecretBytesError) {
            return try SecretBytes(copying: bytes)
          } catch {
            throw .outOfMemory
          }
        }
      }
    } catch {
      throw .cryptography(error)
    }
    throw .wrongUnlocking(needed: self)
  }
}

extension UnlockingMethod {
  private enum Kind {
    static let passphrase: UInt64 = 1
    static let key: UInt64 = 2
  }

  /// As it stands in the vault.
  var encoded: [UInt8] {
    var encoder = CBOREncoder()
    switch self {
    case .passphrase(let scrypt, let salt):
      encoder.beginArray(5)
      encoder.encode(unsigned: Kind.passphrase)
      encoder.encode(bytes: salt)
      encoder.encode(unsigned: UInt64(scrypt.logCost))
      encoder.encode(unsigned: UInt64(Scrypt.blockSize))
      encoder.encode(unsigned: UInt64(scrypt.parallelization))
    case .key:
      encoder.beginArray(1)
      encoder.encode(unsigned: Kind.key)
    }
    return encoder.bytes
  }

  /// Nil for what isn't a method, or has costs beyond the limits.
  init?(_ bytes: [UInt8]) {
    do throws(CBORError) {
      var reader = CBORReader(bytes)
      let count = try reader.readArrayHeader()
      switch (try reader.readUnsigned(), count) {
      case (Kind.passphrase, 5):
        let salt = Array(try reader.readBytes(count: Scrypt.saltByteCount))
        let logCost = try reader.readUnsigned()
        guard try reader.readUnsigned() == UInt64(Scrypt.blockSize),
          let scrypt = Scrypt(
            logCost: Int(clamping: logCost), parallelization: Int(clamping: try reader.readUnsigned()))
        else { return nil }
        self = .passphrase(scrypt, salt: salt)
      case (Kind.key, 1): self = .key
      default: return nil
      }
      try reader.finish()
    } catch {
      return nil
    }
  }
}
