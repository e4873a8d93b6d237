import CLinux
import Cryptography
import HostSupport

extension ErrorReport {
  init(file error: FileError) {
    let path = error.path == "-" ? "standard input" : error.path
    switch error.reason {
    case .notFound: self.init("\(path): no such file or directory")
    case .noSuchDirectory: self.init("\(path): the directory to write to doesn't exist")
    case .isDirectory: self.init("\(path): is a directory")
    case .notDirectory: self.init("\(path): a part of the path is not a directory")
    case .notRegularFile: self.init("\(path): is not a regular file")
    case .empty: self.init("\(path): is empty")
    case .tooLarge(let limit): self.init("\(path): is larger than \(limit) bytes (limit-exceeded)")
    case .permissionDenied: self.init("\(path): permission denied")
    case .readOnlyFileSystem: self.init("\(path): the file system is read-only")
    case .alreadyExists: self.init("\(path): already exists")
    case .otherKind(let label):
      self.init("\(path): is not \(label.words), and --force replaces only a file of the same kind")
    case .diskFull: self.init("\(path): no space left on the device")
    case .wouldGarbleTerminal:
      self.init("refusing to write binary to the terminal", hint: "name a file with -o, or redirect the output")
    case .system(let code): self.init("\(path): \(String(cString: strerror(code)))")
    }
  }

  init(key error: KeyFileError) {
    switch error {
    case .file(let error): self.init(file: error)
    case .notAKey(let path, let needed, let found):
      self.init("\(path): \(found.words), not \(needed.words)", hint: needed.hint(found, path))
    case .wrongPassphrase(let path): self.init("\(path): the passphrase is wrong, or the file is damaged")
    case .passphrase(let path, let failure):
      let report = ErrorReport(passphrase: failure)
      self.init("\(path): \(report.message)", hint: report.hint)
    case .cryptography(let path, let error):
      self.init("\(path): \(ErrorReport(cryptography: error).message)")
    }
  }

  init(passphrase failure: PassphraseSource.Failure) {
    switch failure {
    case .noTerminal:
      self.init(
        "a passphrase is needed, and there is no terminal to ask on",
        hint: "--passphrase-fd N reads it from a descriptor")
    case .nothingToRead(let descriptor): self.init("descriptor \(descriptor) has no passphrase to read")
    case .cancelled: self.init("cancelled")
    case .empty: self.init("the passphrase is empty")
    case .tooLong: self.init("the passphrase is longer than 1024 bytes")
    case .mismatch: self.init("the two passphrases differ")
    case .outOfMemory: self.init("no protected memory for the passphrase")
    }
  }

  init(cryptography error: CryptographyError) {
    switch error {
    case .outOfMemory: self.init("no memory for a secret (out-of-memory)")
    case .libraryFailure(let operation): self.init("libcrypto failed at \(operation) (internal)")
    case .invalidKey: self.init("the key isn't a valid one")
    case .wrongPassphrase: self.init("the passphrase is wrong, or the file is damaged")
    case .malformedPEM: self.init("not a PEM file")
    case .unsupportedKey: self.init("not a kind of key that Husk uses")
    default: self.init("cryptography failed: \(error) (internal)")
    }
  }
}

extension KeyFileError.KeyKind {
  fileprivate var words: String {
    switch self {
    case .signingPrivate: "an Ed25519 or P-256 private key"
    case .signingPublic: "an Ed25519 or P-256 public key"
    case .agreementPrivate: "an X25519 private key"
    case .agreementPublic: "an X25519 public key"
    case .anyPublic: "a public key"
    case .vaultKey: "a vault's key"
    }
  }

  fileprivate func hint(_ found: KeyFileError.Found, _ path: String) -> String? {
    switch (self, found) {
    case (.signingPublic, .privateKey), (.agreementPublic, .privateKey), (.anyPublic, .privateKey):
      "keygen wrote the public half beside it, with the suffix .pub"
    case (.signingPrivate, .publicKey), (.agreementPrivate, .publicKey): "the private half has the suffix .pem"
    case (.agreementPrivate, .otherKeyType), (.agreementPublic, .otherKeyType):
      "husk keygen --type x25519 makes such a key"
    case (.vaultKey, _): "husk vault create wrote it, or the vault is unlocked by a passphrase"
    default: nil
    }
  }
}

extension KeyFileError.Found {
  fileprivate var words: String {
    switch self {
    case .privateKey: "this is a private key"
    case .publicKey: "this is a public key"
    case .otherKeyType: "this is another type of key"
    case .notPEM: "this is no PEM key file"
    }
  }
}
