import ErrorClass

/// What a device knows of itself when it decides about a load.
public struct DeviceState: Equatable, Sendable {
  public let deviceID: [UInt8]
  public let grantKeyThumbprint: [UInt8]
  public let lifecycle: Lifecycle

  public init(deviceID: [UInt8], grantKeyThumbprint: [UInt8], lifecycle: Lifecycle) {
    self.deviceID = deviceID
    self.grantKeyThumbprint = grantKeyThumbprint
    self.lifecycle = lifecycle
  }
}

extension Verified where Value == Grant {
  /// Decides whether this grant lets a package load on a device: the ordered checks of SPEC 5.
  ///
  /// - Parameters:
  ///   - packageID: SHA-256 of the package's manifest; see ``PackageFront/packageID()``.
  ///   - highestSequence: the highest sequence number that the device has seen for this module.
  ///   - status: what the device knows of status lists.
  /// - Throws: the class of the first check that fails.
  public func authorize(
    _ package: Verified<Manifest>, packageID: [UInt8], on device: DeviceState, time: TimeBasis,
    highestSequence: UInt64, status: StatusKnowledge
  ) throws(FormatError) {
    let terms = value.terms
    let manifest = package.value
    guard terms.module == manifest.name else { throw FormatError(.wrongModule, in: .grant) }
    guard terms.epoch == manifest.epoch else { throw FormatError(.wrongEpoch, in: .grant) }
    guard terms.deviceID == device.deviceID else { throw FormatError(.wrongDevice, in: .grant) }
    guard terms.lifecycle == device.lifecycle else { throw FormatError(.wrongLifecycle, in: .grant) }
    guard terms.grantKeyThumbprint == device.grantKeyThumbprint else { throw FormatError(.wrongGrantKey, in: .grant) }
    guard terms.issuer == authority.keyThumbprint else { throw FormatError(.malformed, in: .grant) }
    guard terms.versions?.contains(manifest.version) ?? true else {
      throw FormatError(.versionOutOfRange, in: .grant)
    }
    if time.hasPassed(terms.notAfter) { throw FormatError(.expired, in: .grant) }
    if time.isBefore(terms.notBefore) { throw FormatError(.notYetValid, in: .grant) }
    guard terms.sequence >= highestSequence else { throw FormatError(.rollback, in: .grant) }
    try status.check(package, packageID: packageID, self)
  }
}
