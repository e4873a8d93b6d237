public import ErrorClass
public import HuskFormat

/// Why an identity isn't taken in.
public enum IdentityRefusal: Error, Equatable, Sendable {
  /// It doesn't verify (SPEC 6.5).
  case format(FormatError)
  /// It verifies, but its silicon maker, boot root, bootloader or decryptor isn't on the vault's list.
  case untrusted(Trust.Kind, [UInt8])
  case wrongLifecycle(found: Lifecycle, wanted: Lifecycle)
  /// The device had a higher key epoch before.
  case rollback(known: UInt64, found: UInt64)
  /// Of the same key epoch, but from before the device lost its storage: a lower generation.
  case staleGeneration(known: UInt64, found: UInt64)

  /// The class of SPEC 10, where there is one.
  public var errorClass: ErrorClass? {
    switch self {
    case .format(let error): error.errorClass
    case .untrusted: nil
    case .wrongLifecycle: .wrongLifecycle
    case .rollback, .staleGeneration: .rollback
    }
  }
}

/// An identity that was verified, and may be taken into the vault.
public struct VerifiedIdentity: Sendable {
  public let identity: Verified<DeviceIdentity>
  public let platform: Platform
  /// The identity file.
  let file: [UInt8]
}

/// Verifies identities as a vendor does who trusts what a vault trusts (SPEC 6.5). Any number of threads may use it.
public struct IdentityVerifier: Sendable {
  private let batches: BatchVerifier
  private let bootRoots: [[UInt8]]
  private let trust: TrustSet
  private let lifecycle: Lifecycle

  /// - Parameters:
  ///   - lifecycle: the state that devices must be in.
  ///   - now: seconds since 1970.
  public init(trust: TrustSet, lifecycle: Lifecycle, now: UInt64) {
    batches = BatchVerifier(
      ChainVerifier(
        anchors: TrustAnchors(thumbprints: trust.values(of: .deviceRoot)),
        time: TimeBasis(lowerBound: 0, trustedClock: now)))
    bootRoots = trust.values(of: .bootRoot)
    self.trust = trust
    self.lifecycle = lifecycle
  }

  /// Verifies one identity file.
  public func verify(_ file: [UInt8]) throws(IdentityRefusal) -> VerifiedIdentity {
    let identity: Verified<DeviceIdentity>
    do throws(FormatError) {
      identity = try IdentityFile(file).verify(bootRoots: bootRoots) { (silicon) throws(FormatError) in
        try batches.verify(silicon)
      }
    } catch {
      throw .format(error)
    }
    let platform = Platform(identity)
    if let (kind, value) = trust.missing(for: platform) { throw .untrusted(kind, value) }
    guard identity.value.lifecycle == lifecycle else {
      throw .wrongLifecycle(found: identity.value.lifecycle, wanted: lifecycle)
    }
    return VerifiedIdentity(identity: identity, platform: platform, file: file)
  }
}
