public import Cryptography
import SecretBytes

/// Why a key file was refused.
public enum KeyFileError: Error, Equatable, Sendable {
  case file(FileError)
  /// Not a key of the kind that is needed, or not a key.
  case notAKey(path: String, needed: KeyKind, found: Found)
  case wrongPassphrase(path: String)
  case passphrase(path: String, PassphraseSource.Failure)
  case cryptography(path: String, CryptographyError)

  public enum KeyKind: Equatable, Sendable {
    case signingPrivate
    case signingPublic
    case agreementPrivate
    case agreementPublic
    case anyPublic
    case vaultKey
  }

  /// What the file looks like instead.
  public enum Found: Equatable, Sendable {
    case privateKey
    case publicKey
    case otherKeyType
    case notPEM
  }
}

/// A public key of one of the kinds that Husk uses.
public enum PublicKeyFile: Equatable, Sendable {
  case signing(PublicKey)
  /// X25519, 32 bytes.
  case agreement([UInt8])
}

/// Reads key files; asks for passphrases where they are encrypted.
public struct KeyReader: Sendable {
  public let passphrases: PassphraseSource

  /// No key file is longer, in bytes.
  static let longest = 16_384

  public init(passphrases: PassphraseSource) {
    self.passphrases = passphrases
  }

  /// An Ed25519 or P-256 private key (PKCS#8 PEM).
  public func signingKey(_ path: String) throws(KeyFileError) -> SigningKey {
    let pem = try readSecretFile(path)
    var failure: PassphraseSource.Failure?
    do throws(CryptographyError) {
      return try SigningKey(pem: pem) { ask(path, &failure) }
    } catch {
      throw describe(error, path, needed: .signingPrivate, pem: pem, failure)
    }
  }

  /// An X25519 private key (PKCS#8 PEM).
  public func agreementKey(_ path: String) throws(KeyFileError) -> X25519PrivateKey {
    let pem = try readSecretFile(path)
    var failure: PassphraseSource.Failure?
    do throws(CryptographyError) {
      return try X25519PrivateKey(pem: pem) { ask(path, &failure) }
    } catch {
      throw describe(error, path, needed: .agreementPrivate, pem: pem, failure)
    }
  }

  private func ask(_ path: String, _ failure: inout PassphraseSource.Failure?) -> SecretBytes? {
    do throws(PassphraseSource.Failure) {
      return try passphrases.passphrase(for: path)
    } catch {
      failure = error
      return nil
    }
  }
}

/// Reads an Ed25519 or P-256 public key (SPKI PEM).
public func readSigningPublicKey(_ path: String) throws(KeyFileError) -> PublicKey {
  let pem = try readSecretFile(path)
  do throws(CryptographyError) {
    return try pem.withBytes { (bytes) throws(CryptographyError) in try PublicKey(pem: bytes) }
  } catch {
    throw describe(error, path, needed: .signingPublic, pem: pem, nil)
  }
}

/// Reads an X25519 public key (SPKI PEM): 32 bytes.
public func readAgreementPublicKey(_ path: String) throws(KeyFileError) -> [UInt8] {
  let pem = try readSecretFile(path)
  do throws(CryptographyError) {
    return try pem.withBytes { (bytes) throws(CryptographyError) in try X25519PrivateKey.publicKey(pem: bytes) }
  } catch {
    throw describe(error, path, needed: .agreementPublic, pem: pem, nil)
  }
}

/// Reads any public key that Husk uses (SPKI PEM).
public func readPublicKey(_ path: String) throws(KeyFileError) -> PublicKeyFile {
  let pem = try readSecretFile(path)
  do throws(CryptographyError) {
    return try pem.withBytes { (bytes) throws(CryptographyError) in
      do throws(CryptographyError) {
        return .signing(try PublicKey(pem: bytes))
      } catch .unsupportedKey {
        return .agreement(try X25519PrivateKey.publicKey(pem: bytes))
      }
    }
  } catch {
    throw describe(error, path, needed: .anyPublic, pem: pem, nil)
  }
}

/// Public keys are read like private ones: somebody may have given the wrong file.
private func readSecretFile(_ path: String) throws(KeyFileError) -> SecretBytes {
  do throws(FileError) {
    return try InputFile(path).readSecret(atMost: KeyReader.longest)
  } catch {
    throw .file(error)
  }
}

private func describe(
  _ error: CryptographyError, _ path: String, needed: KeyFileError.KeyKind, pem: borrowing SecretBytes,
  _ failure: PassphraseSource.Failure?
) -> KeyFileError {
  if let failure { return .passphrase(path: path, failure) }
  switch error {
  case .wrongPassphrase: return .wrongPassphrase(path: path)
  case .malformedPEM: return .notAKey(path: path, needed: needed, found: .notPEM)
  case .unsupportedKey:
    let isPrivate = pem.withBytes { contains($0, "PRIVATE KEY-----") }
    let needsPrivate = needed == .signingPrivate || needed == .agreementPrivate
    if isPrivate == needsPrivate { return .notAKey(path: path, needed: needed, found: .otherKeyType) }
    if isPrivate { return .notAKey(path: path, needed: needed, found: .privateKey) }
    let isPublic = pem.withBytes { contains($0, "PUBLIC KEY-----") }
    return .notAKey(path: path, needed: needed, found: isPublic ? .publicKey : .otherKeyType)
  default: return .cryptography(path: path, error)
  }
}

private func contains(_ bytes: RawSpan, _ text: StaticString) -> Bool {
  bytes.withUnsafeBytes { bytes in
    text.withUTF8Buffer { text in
      bytes.count >= text.count
        && (0...(bytes.count - text.count)).contains { bytes[$0..<($0 + text.count)].elementsEqual(text) }
    }
  }
}
