/// The classes of SPEC 10: what a failure is, in the words and numbers that device, library and tools share.
///
/// A device never says more than the class. The raw values are those of `husk_status` in `husk.h`.
public enum ErrorClass: Int32, Error, CaseIterable, Sendable {
  case malformed = 1
  case unsupportedVersion = 2
  case limitExceeded = 3
  case untrustedRoot = 4
  case revokedRoot = 5
  case signatureInvalid = 6
  case roleMismatch = 7
  case scopeViolation = 8
  case chainInvalid = 9
  case expired = 10
  case notYetValid = 11
  case rollback = 12
  case wrongArchitecture = 13
  case wrongDevice = 14
  case wrongModule = 15
  case wrongEpoch = 16
  case wrongLifecycle = 17
  case versionOutOfRange = 18
  case wrongGrantKey = 19
  case keyUnwrapFailed = 20
  case digestMismatch = 21
  case decryptionFailed = 22
  case decompressionFailed = 23
  case sizeMismatch = 24
  case scopeConflict = 25
  case deadlineExceeded = 26
  case outOfMemory = 27
  case io = 28
  case `internal` = 29
  case statusRequired = 30
  case revoked = 31
  case noSpace = 32
  case readOnly = 33
  case onTrial = 34

  case invalidArgument = 64
  case notFound = 65
  case noDecryptor = 66
  case `protocol` = 67
  case notSealed = 68
  case sonameConflict = 69
  case loadFailed = 70
  case notAModule = 71
  case cancelled = 72
  case selfTestFailed = 73
  case inUse = 74

  /// The name that SPEC 10 gives it, such as `signature-invalid`.
  public var name: StaticString {
    switch self {
    case .malformed: "malformed"
    case .unsupportedVersion: "unsupported-version"
    case .limitExceeded: "limit-exceeded"
    case .untrustedRoot: "untrusted-root"
    case .revokedRoot: "revoked-root"
    case .signatureInvalid: "signature-invalid"
    case .roleMismatch: "role-mismatch"
    case .scopeViolation: "scope-violation"
    case .chainInvalid: "chain-invalid"
    case .expired: "expired"
    case .notYetValid: "not-yet-valid"
    case .rollback: "rollback"
    case .wrongArchitecture: "wrong-architecture"
    case .wrongDevice: "wrong-device"
    case .wrongModule: "wrong-module"
    case .wrongEpoch: "wrong-epoch"
    case .wrongLifecycle: "wrong-lifecycle"
    case .versionOutOfRange: "version-out-of-range"
    case .wrongGrantKey: "wrong-grant-key"
    case .keyUnwrapFailed: "key-unwrap-failed"
    case .digestMismatch: "digest-mismatch"
    case .decryptionFailed: "decryption-failed"
    case .decompressionFailed: "decompression-failed"
    case .sizeMismatch: "size-mismatch"
    case .scopeConflict: "scope-conflict"
    case .deadlineExceeded: "deadline-exceeded"
    case .outOfMemory: "out-of-memory"
    case .io: "io"
    case .internal: "internal"
    case .statusRequired: "status-required"
    case .revoked: "revoked"
    case .noSpace: "no-space"
    case .readOnly: "read-only"
    case .onTrial: "on-trial"
    case .invalidArgument: "invalid-argument"
    case .notFound: "not-found"
    case .noDecryptor: "no-decryptor"
    case .protocol: "protocol"
    case .notSealed: "not-sealed"
    case .sonameConflict: "soname-conflict"
    case .loadFailed: "load-failed"
    case .notAModule: "not-a-module"
    case .cancelled: "cancelled"
    case .selfTestFailed: "self-test-failed"
    case .inUse: "in-use"
    }
  }
}
