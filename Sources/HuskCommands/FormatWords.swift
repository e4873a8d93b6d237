import CBOR
import ErrorClass
import HostSupport
import HuskFormat

extension ErrorReport {
  init(object error: ObjectFileError) {
    switch error {
    case .file(let error): self.init(file: error)
    case .format(let path, let error):
      let report = ErrorReport(format: error)
      self.init("\(path): \(report.message)", hint: report.hint)
    }
  }

  /// A refused object: what is wrong with which part, and the class of SPEC 10 that a device would say.
  init(format error: FormatError) {
    self.init("\(error.words) (\(error.errorClass.name))", hint: error.hint)
  }
}

extension FormatError {
  fileprivate var words: String {
    let part = part.words
    return switch errorClass {
    case .malformed where self.part == .label: "not a Husk file of the expected kind"
    case .malformed: "\(part) isn't well formed\(offset.map { ", at byte \($0)" } ?? "")"
    case .unsupportedVersion: "\(part) has a format version that this husk doesn't know"
    case .limitExceeded: "\(part) is larger than is allowed\(offset.map { ", at byte \($0)" } ?? "")"
    case .untrustedRoot where isDICE: "the device's secure world was started under a boot root that isn't trusted here"
    case .untrustedRoot: "it was certified under a root that isn't trusted"
    case .revokedRoot: "it was certified under a root that is revoked"
    case .signatureInvalid: "the signature of \(part) doesn't verify"
    case .roleMismatch where self.part == .chain: "its signer isn't certified for this role"
    case .roleMismatch: "\(part) is another kind of object than belongs here"
    case .scopeViolation: "its name is outside the scope of its signer"
    case .chainInvalid: "\(part) goes beyond what its issuer may certify, or doesn't fit it"
    case .expired: "\(part) has expired"
    case .notYetValid: "\(part) isn't valid yet"
    case .sizeMismatch where self.part == .bundle: "the bundle isn't whole: it was cut off, or damaged"
    case .digestMismatch where self.part == .bundle: "the bundle is damaged"
    case .sizeMismatch: "the file doesn't end where its payload should"
    case .digestMismatch: "the payload isn't what was signed"
    case .wrongDevice: "the grant is for another device"
    case .wrongLifecycle: "the grant is for another life-cycle state"
    case .outOfMemory: "there isn't enough memory"
    default: "\(part) is refused"
    }
  }

  private var isDICE: Bool {
    if case .diceCertificate = part { true } else { false }
  }

  fileprivate var hint: String? {
    switch errorClass {
    case .unsupportedVersion: "a newer husk may read it"
    case .malformed where part == .label: "husk inspect tells what a file is"
    default: nil
    }
  }
}

extension CBORError {
  /// What is wrong with the encoding.
  var words: String { kind.words }
}

extension CBORError.Kind {
  var words: String {
    switch self {
    case .truncated: "the data ends inside an item"
    case .nonCanonical: "not the deterministic encoding"
    case .duplicateKey: "a map holds a key twice"
    case .malformed: "not CBOR"
    case .unexpectedType: "an item of another type than belongs here"
    case .unsupportedType: "an item of a type that Husk doesn't use"
    case .invalidUTF8: "text that isn't UTF-8"
    case .nestingTooDeep: "nested too deep"
    case .trailingBytes: "bytes follow the last item"
    case .outOfRange: "a value out of range"
    case .tooLarge: "larger than is allowed"
    case .unknownKey: "a map has a key that doesn't belong there"
    case .missingKey: "a map lacks a key that it must have"
    }
  }
}

extension FormatError.Part {
  var words: String {
    switch self {
    case .label: "the label"
    case .root: "the root key"
    case .certificate(let index): "certificate \(index + 1) of the chain"
    case .chain: "the chain"
    case .manifest: "the manifest"
    case .payload: "the payload"
    case .grant: "the grant"
    case .wrappedKey: "the wrapped key"
    case .bundle: "the bundle"
    case .identity: "the identity"
    case .diceCertificate(0): "the bootloader's certificate"
    case .diceCertificate: "the decryptor's certificate"
    case .deviceKey: "the device-key certificate"
    case .statusList: "the status list"
    case .fuses: "the fuses"
    case .handoff: "the handoff"
    case .name: "the name"
    case .logHead: "the log's head"
    case .controlFile: "the control file"
    }
  }
}
