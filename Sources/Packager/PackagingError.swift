public import Compression
public import Cryptography
public import HuskFormat
public import ModuleELF
public import ModuleLint

/// Why something could not be packed, granted or certified.
public enum PackagingError: Error, Equatable, Sendable {
  /// The signer's certificate chain is refused, as every device would refuse it.
  case chain(FormatError)
  /// The signing key isn't the one that the chain ends in.
  case wrongSigningKey
  /// The signer's scope doesn't cover the name.
  case scopeViolation(Scope)

  /// Not a shared object, or not one that can be loaded.
  case module(ELFError)
  /// The module has dangerous findings.
  case dangerous([Finding])
  /// The module's code shares pages with tables that are read, so that it can't be execute-only.
  case codeNotSeparate
  /// Larger than SPEC 11 allows.
  case tooLarge
  /// Not an executable image of the kind that the stage is.
  case stage(StageProblem)
  case compression(CompressionError)

  /// The certificate would be refused by every verifier.
  case certificate(CertificateProblem)
  /// A validity range whose end comes before its beginning.
  case validityEndsBeforeItBegins
  /// A validity whose end is past.
  case alreadyExpired
  /// The device isn't in the life-cycle state that the grant is for.
  case wrongLifecycle(device: Lifecycle, grant: Lifecycle)
  /// Nobody can wrap to the device's grant key: it is of low order.
  case unusableGrantKey

  /// The status list would be refused by every device.
  case statusList(StatusListProblem)

  case cryptography(CryptographyError)

  public enum StatusListProblem: Equatable, Sendable {
    /// The previous list is another scope's.
    case otherScope
    /// No number comes after the previous list's.
    case lastNumber
    /// Too many entries, or names outside the list's scope.
    case entries(FormatError)
  }

  public enum StageProblem: Equatable, Sendable {
    case notExecutable(ELFError)
    case sharedObject
    case relocatable
    /// It needs a dynamic linker, and so libraries that nobody measured.
    case dynamic
  }

  public enum CertificateProblem: Equatable, Sendable {
    case subject
    case roles
    /// The issuer's own depth: no further certificate may follow, or none with such a depth.
    case depth(issuer: Int)
    case roleNotHeld(Role)
    case scopeNotHeld(Scope)
    /// The issuer's last key certified itself.
    case sameKey
  }

  init(_ error: SignerError) {
    switch error {
    case .cryptography(let error): self = .cryptography(error)
    }
  }
}
