public import ErrorClass
public import SecureWorld

/// Who tells whether this device takes a file: the decryptor (operations 4 and 7 of SPEC 8), or whoever stands in for it.
public protocol FileChecker {
  /// Would a package, grant or status list be taken? Nothing changes.
  ///
  /// - Parameters:
  ///   - file: a handle of the storage that the file is in.
  ///   - segments: of a package's payload, which must be there and as they were signed; none if it is empty.
  /// - Throws: the class that it is refused with.
  func check(_ file: Int32, segments: Range<UInt64>) throws(ErrorClass) -> CheckedFile

  /// Puts a status list in force.
  func show(statusList file: Int32) throws(ErrorClass)
}

extension FileChecker {
  /// Checks a file, of a package without its payload.
  @inline(never)
  func check<Medium: Storage>(_ file: borrowing StoredFile<Medium>) throws(ErrorClass) -> CheckedFile {
    try file.withHandle { (handle) throws(ErrorClass) in try check(handle, segments: 0..<0) }
  }
}

extension ErrorClass {
  /// Whether a package that a check refuses so will always be refused (SPEC 9.3).
  var isFinalInCheck: Bool {
    switch self {
    case .malformed, .unsupportedVersion, .untrustedRoot, .revokedRoot, .signatureInvalid, .roleMismatch,
      .scopeViolation, .chainInvalid, .rollback, .wrongArchitecture, .wrongModule, .sizeMismatch, .revoked,
      .notFound:
      true
    default: false
    }
  }

  /// Whether a package that passed the check and fails so when it is loaded always will (SPEC 9.3).
  var isFinalInLoad: Bool {
    switch self {
    case .digestMismatch, .decryptionFailed, .decompressionFailed, .sizeMismatch, .sonameConflict, .loadFailed,
      .notAModule, .selfTestFailed:
      true
    default: false
    }
  }
}
