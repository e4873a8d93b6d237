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
  /// - Parameter highestSequence: the highest sequence number that the device has seen for this module.
  /// - Throws: the class of the first check that fails.
  public func authorize(
    _ package: Verified<Manifest>, on device: DeviceState, time: TimeBasis, highestSequence: UInt64
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
    // Version 1 holds no status list: any demand for one is beyond what this device has seen.
    guard (terms.minimumStatus ?? 0) == 0, (manifest.minimumStatus ?? 0) == 0 else {
      throw FormatError(.statusRequired, in: .grant)
    }
  }
}
