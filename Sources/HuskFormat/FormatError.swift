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
  }

  public init(_ errorClass: ErrorClass, in part: Part, at offset: Int? = nil) {
    self.errorClass = errorClass
    self.part = part
    self.offset = offset
  }

  public init(_ error: CBORError, in part: Part) {
    self.init(error.kind == .tooLarge ? .limitExceeded : .malformed, in: part, at: error.offset)
  }

  public init(_ error: COSEError, in part: Part) {
    switch error {
    case .malformed(let error): self.init(error, in: part)
    case .unexpectedType: self.init(ErrorClass.roleMismatch, in: part)
    case .signatureInvalid: self.init(ErrorClass.signatureInvalid, in: part)
    case .decryptionFailed: self.init(ErrorClass.keyUnwrapFailed, in: part)
    case .algorithmMismatch, .unexpectedHeader, .invalidKey: self.init(ErrorClass.malformed, in: part)
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
