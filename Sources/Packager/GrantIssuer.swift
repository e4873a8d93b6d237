import COSE
import Cryptography
public import HuskFormat
public import SecretBytes

/// What a new grant is to allow (SPEC 5).
public struct GrantRequest: Sendable {
  public var module: Name
  public var epoch: UInt64
  /// Counts up per device and module.
  public var sequence: UInt64
  public var lifecycle: Lifecycle
  /// Seconds since 1970.
  public var notBefore: UInt64?
  /// Seconds since 1970.
  public var notAfter: UInt64?
  public var versions: VersionRange?
  /// Opaque bytes for the module, 1 to 1024.
  public var features: [UInt8]?

  public init(module: Name, epoch: UInt64, sequence: UInt64, lifecycle: Lifecycle) {
    self.module = module
    self.epoch = epoch
    self.sequence = sequence
    self.lifecycle = lifecycle
  }
}

/// The device that a grant is for, as it stands in the vault: its identity was verified when it got there.
public struct GrantRecipient: Sendable {
  /// 32 bytes (SPEC 6.1).
  public let deviceID: [UInt8]
  /// X25519, 32 bytes.
  public let grantKey: [UInt8]
  public let lifecycle: Lifecycle

  public init(deviceID: [UInt8], grantKey: [UInt8], lifecycle: Lifecycle) {
    self.deviceID = deviceID
    self.grantKey = grantKey
    self.lifecycle = lifecycle
  }
}

/// Wraps a module's content key to a device, and signs the terms; returns the grant file.
///
/// - Parameter now: seconds since 1970; becomes the issue time.
/// - Throws: `scopeViolation`, `wrongLifecycle`, `validityEndsBeforeItBegins`, `alreadyExpired`, `cryptography`.
public func issueGrant(
  _ request: GrantRequest, to device: GrantRecipient, contentKey: borrowing SecretBytes,
  signer: borrowing SigningIdentity, now: UInt64
) throws(PackagingError) -> [UInt8] {
  try signer.requireScope(over: request.module)
  guard device.lifecycle == request.lifecycle else {
    throw .wrongLifecycle(device: device.lifecycle, grant: request.lifecycle)
  }
  if let notAfter = request.notAfter {
    if notAfter < request.notBefore ?? 0 { throw .validityEndsBeforeItBegins }
    if notAfter < now { throw .alreadyExpired }
  }
  let grantKeyThumbprint: [UInt8]
  do throws(CryptographyError) {
    grantKeyThumbprint = try COSEKey.thumbprint(x25519: device.grantKey)
  } catch {
    throw .cryptography(error)
  }
  var terms = GrantTerms(
    module: request.module, epoch: request.epoch, deviceID: device.deviceID,
    grantKeyThumbprint: grantKeyThumbprint, issuer: signer.authority.keyThumbprint, sequence: request.sequence,
    issuedAt: now, lifecycle: request.lifecycle)
  terms.notBefore = request.notBefore
  terms.notAfter = request.notAfter
  terms.versions = request.versions
  terms.features = request.features
  let payload: [UInt8]
  do throws(CryptographyError) {
    payload = try Grant.encodePayload(terms: terms, contentKey: contentKey, grantKey: device.grantKey)
  } catch {
    throw .cryptography(error)
  }
  let signed = try signer.sign(payload, type: Grant.type)
  return GrantFile.encode(chain: signer.chain.encoded, signedGrant: signed)
}
