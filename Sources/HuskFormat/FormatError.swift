public import CBOR
public import COSE
public import Cryptography
public import ErrorClass
public import SecretBytes

/// Why an object was refused: the class of SPEC 10, and for people which part of it and where.
public struct FormatError: Error, Equatable, Sendable {
  public let errorClass: ErrorClass
  /// The part in which the fault lies.
  public let part: Part
  /// Where, in bytes from the beginning of what was parsed, if the fault has a place.
  public let offset: Int?
  /// What is wrong with the encoding there, if that is what is wrong.
  public let reason: CBORError.Kind?

  public enum Part: Equatable, Sendable {
    case label
    case root
    case certificate(Int)
    case chain
    case manifest
    case payload
    case grant
    case wrappedKey
    case bundle
    case identity
    case diceCertificate(Int)
    case deviceKey
    case statusList
    case fuses
    case handoff
    case name
    case logHead
    case controlFile
  }

  public init(_ errorClass: ErrorClass, in part: Part, at offset: Int? = nil) {
    self.init(errorClass, part, offset, nil)
  }

  private init(_ errorClass: ErrorClass, _ part: Part, _ offset: Int?, _ reason: CBORError.Kind?) {
    self.errorClass = errorClass
    self.part = part
    self.offset = offset
    self.reason = reason
  }

  /// The same fault, where what was parsed begins at `start` of something larger.
  public func moved(by start: Int) -> FormatError {
    FormatError(errorClass, part, offset.map { $0 + start }, reason)
  }

  public init(_ error: CBORError, in part: Part) {
    self.init(error.kind == .tooLarge ? .limitExceeded : .malformed, part, error.offset, error.kind)
  }

  public init(_ error: COSEError, in part: Part) {
    self.init(error, in: part, startingAt: nil)
  }

  /// - Parameter offset: where the object begins, if it is being parsed; a fault of its encoding has a place of its own.
  init(_ error: COSEError, in part: Part, startingAt offset: Int?) {
    switch error {
    case .malformed(let error): self.init(error, in: part)
    case .unexpectedType: self.init(ErrorClass.roleMismatch, in: part, at: offset)
    case .signatureInvalid: self.init(ErrorClass.signatureInvalid, in: part, at: offset)
    case .decryptionFailed: self.init(ErrorClass.keyUnwrapFailed, in: part, at: offset)
    case .algorithmMismatch, .unexpectedHeader, .invalidKey: self.init(ErrorClass.malformed, in: part, at: offset)
    case .cryptography(let error): self.init(error, in: part)
    }
  }

  public init(_ error: CryptographyError, in part: Part) {
    switch error {
    case .outOfMemory: self.init(ErrorClass.outOfMemory, in: part)
    default: self.init(ErrorClass.internal, in: part)
    }
  }
}

extension ErrorClass: MemoryShortage {}
