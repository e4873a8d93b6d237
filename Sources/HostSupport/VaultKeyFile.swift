import CLinux
import Cryptography
import Glibc
public import SecretBytes

extension KeyReader {
  /// The 32-byte key of a vault, from a file of its own (SPEC 14.2).
  public static func vaultKey(_ path: String) throws(KeyFileError) -> SecretBytes {
    let pem: SecretBytes
    do throws(FileError) {
      pem = try InputFile(path).readSecret(atMost: longest)
    } catch {
      throw .file(error)
    }
    return try vaultKey(in: pem, path)
  }

  /// The 32-byte key of a vault, from a descriptor that a program passed in: the bytes themselves, or a key file's text.
  public static func vaultKey(descriptor: Int32) throws(KeyFileError) -> SecretBytes {
    let path = "descriptor \(descriptor)"
    var content: SecretBytes
    do throws(SecretBytesError) {
      content = try SecretBytes(count: longest)
    } catch {
      throw .cryptography(path: path, .outOfMemory)
    }
    let count: Int
    do throws(SecretBytesError) {
      count = try content.withMutableBytes { (buffer) throws(SecretBytesError) in
        linux_read_all(descriptor, buffer.baseAddress, buffer.count)
      }
    } catch {
      throw .cryptography(path: path, .outOfMemory)
    }
    guard count >= 0 else { throw .file(FileError(path: path, errno: linux_errno())) }
    do throws(SecretBytesError) {
      content = try content.withBytes { (bytes) throws(SecretBytesError) in
        try SecretBytes(copying: bytes.extracting(0..<count))
      }
    } catch {
      throw .cryptography(path: path, .outOfMemory)
    }
    return count == AEAD.keyByteCount ? content : try vaultKey(in: content, path)
  }

  private static func vaultKey(in pem: borrowing SecretBytes, _ path: String) throws(KeyFileError) -> SecretBytes {
    do throws(CryptographyError) {
      return try VaultKeyPEM.decode(pem)
    } catch {
      switch error {
      case .malformedPEM: throw .notAKey(path: path, needed: .vaultKey, found: .notPEM)
      case .unsupportedKey: throw .notAKey(path: path, needed: .vaultKey, found: .otherKeyType)
      default: throw .cryptography(path: path, error)
      }
    }
  }
}

/// The name of the user that runs this process, or the number if there is no name.
public func userName() -> String {
  let user = getuid()
  guard let entry = getpwuid(user), let name = entry.pointee.pw_name else { return "\(user)" }
  return String(cString: name)
}
