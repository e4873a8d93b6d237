import Cryptography
import HostSupport
import HuskFormat
import ModuleELF
import Packager
import Simulator
import Vault

/// What a person is told when something went wrong: one line, and a second one where it helps.
///
/// This is the one place where typed errors become words; the files `…Words.swift` have them by topic.
struct ErrorReport: Equatable {
  var message: String
  var hint: String?

  init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }

  /// Of a command line that doesn't make sense.
  init(usage: String, verb: String) {
    let text = usage.split(separator: "\n").joined(separator: " ")
    self.init(text, hint: "\(verb) --help tells how it is meant")
  }

  /// Nil for errors that aren't Husk's own.
  init?(_ error: any Error) {
    switch error {
    case let error as SubjectError:
      guard let inner = ErrorReport(error.error) else { return nil }
      // Errors that name their file don't need a second name in front.
      self =
        Self.namesItsSubject(error.error) ? inner : ErrorReport("\(error.subject): \(inner.message)", hint: inner.hint)
    case let error as FileError: self.init(file: error)
    case let error as KeyFileError: self.init(key: error)
    case let error as PassphraseSource.Failure: self.init(passphrase: error)
    case let error as ObjectFileError: self.init(object: error)
    case let error as FormatError: self.init(format: error)
    case let error as PackagingError: self.init(packaging: error)
    case let error as VaultError: self.init(vault: error)
    case let error as IdentityRefusal: self.init(identity: error)
    case let error as SimulatorError: self.init(simulator: error)
    case let error as UnfinishedBundleError:
      self.init(
        "\(error.path): another command began this bundle and was stopped",
        hint: "that command goes on with it when it is given again; to give the bundle up, remove the file")
    case is TooManyGrantsError:
      self.init(
        "-o is for one grant, and these would be more",
        hint: "--bundle puts them into one file, --out-dir into one each")
    case let error as InterruptedGrantsError:
      self.init("stopped; \(error.count) grants are done", hint: "the same command goes on from there")
    case let error as InterruptedImportError:
      self.init("stopped after \(error.count) identities", hint: "the same command takes in the rest")
    case let error as GrantNotFoundError:
      self.init(
        error.isIssued
          ? "\(error.source): the grant was issued, but isn't kept in the vault"
          : "\(error.source): no grant for device \(error.device)",
        hint: error.isIssued ? "husk grant --reissue --store issues it anew and keeps it" : nil)
    case let error as SeveralGrantsError:
      self.init(
        "\(error.source): the device has grants of several modules: \(error.modules.joined(separator: ", "))",
        hint: "--module says which")
    case let error as NoSuchStatusEntryError:
      self.init(
        "the list before has no entry \(error.entry)",
        hint: "husk inspect shows its entries; --drop names one as it does")
    case let error as UnknownFileError:
      self.init("\(error.path): not a Husk file", hint: error.isELF ? "husk lint examines shared objects" : nil)
    case let error as ELFError: self.init("\(error)")
    case let error as CryptographyError: self.init(cryptography: error)
    case let error as SignerError:
      switch error {
      case .cryptography(let error): self.init(cryptography: error)
      }
    default: return nil
    }
  }

  private static func namesItsSubject(_ error: any Error) -> Bool {
    switch error {
    case is UnfinishedBundleError, is SubjectError, is FileError, is KeyFileError, is ObjectFileError,
      is SimulatorError:
      true
    case let error as VaultError:
      if case .file = error { true } else { false }
    default: false
    }
  }
}
