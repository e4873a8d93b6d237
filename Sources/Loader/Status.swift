import CHusk
import ErrorClass

extension ErrorClass {
  /// The number that C sees: the same.
  var status: husk_status { rawValue }

  /// The status in a few English words. A static string ends in a NUL, as C expects.
  var text: StaticString {
    switch self {
    case .malformed: "not a well-formed object of the expected kind"
    case .unsupportedVersion: "a format version that this device doesn't know"
    case .limitExceeded: "larger than allowed"
    case .untrustedRoot: "signed under an unknown root"
    case .revokedRoot: "signed under a revoked root"
    case .signatureInvalid: "a signature doesn't verify"
    case .roleMismatch: "signed by a key that may not sign this"
    case .scopeViolation: "outside the signer's scope"
    case .chainInvalid: "an invalid certificate chain"
    case .expired: "expired"
    case .notYetValid: "not yet valid"
    case .rollback: "superseded by a newer one"
    case .wrongArchitecture: "made for another processor"
    case .wrongDevice: "granted to another device"
    case .wrongModule: "granted for another module"
    case .wrongEpoch: "granted for another key epoch"
    case .wrongLifecycle: "granted for another life-cycle state"
    case .versionOutOfRange: "the grant doesn't cover this version"
    case .wrongGrantKey: "granted to a former key of this device"
    case .keyUnwrapFailed: "the content key doesn't unwrap"
    case .digestMismatch: "altered: payload bytes differ from what was signed"
    case .decryptionFailed: "the payload doesn't decrypt"
    case .decompressionFailed: "the payload doesn't decompress"
    case .sizeMismatch: "longer or shorter than declared"
    case .scopeConflict: "another vendor's module was loaded before"
    case .deadlineExceeded: "took longer than allowed"
    case .outOfMemory: "out of memory"
    case .io: "a file can't be read"
    case .internal: "a fault on the secure side"
    case .statusRequired: "needs a newer status list, or to be shown the one it has seen"
    case .revoked: "refused by a status list"
    case .invalidArgument: "invalid argument"
    case .notFound: "not found"
    case .noDecryptor: "the decryptor can't be reached"
    case .protocol: "the decryptor's answer makes no sense"
    case .notSealed: "the module's memory isn't sealed"
    case .sonameConflict: "the module names itself as a loaded or system library"
    case .loadFailed: "the dynamic linker refused the module"
    case .notAModule: "not a shared object for this processor"
    }
  }
}

/// Runs the body of a C function; its error becomes the status.
func status(_ body: () throws(ErrorClass) -> Void) -> husk_status {
  do throws(ErrorClass) {
    try body()
    return husk_status(HUSK_OK)
  } catch {
    return error.status
  }
}

extension StaticString {
  /// As a C string that is valid for ever.
  var cString: UnsafePointer<CChar>? {
    withUTF8Buffer { utf8 in utf8.withMemoryRebound(to: CChar.self) { $0.baseAddress } }
  }
}
