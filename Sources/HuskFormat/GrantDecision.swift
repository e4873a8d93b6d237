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

/// What a device remembers of a module's loads (SPEC 7.8).
public struct ModuleMemory: Equatable, Sendable {
  /// The highest sequence number seen in its grants.
  public let sequence: UInt64
  /// The lowest security version that it may have.
  public let floor: UInt64

  public init(sequence: UInt64, floor: UInt64) {
    self.sequence = sequence
    self.floor = floor
  }
}

extension Verified where Value == Grant {
  /// Decides whether this grant lets a package load on a device: the ordered checks of SPEC 5.
  ///
  /// - Parameters:
  ///   - packageID: SHA-256 of the package's manifest; see ``PackageFront/packageID()``.
  ///   - memory: what the device remembers of this module.
  ///   - status: what the device knows of status lists.
  /// - Throws: the class of the first check that fails.
  public func authorize(
    _ package: Verified<Manifest>, packageID: [UInt8], on device: DeviceState, time: TimeBasis,
    memory: ModuleMemory, status: StatusKnowledge
  ) throws(FormatError) {
    let terms = value.terms
    let manifest = package.value
    guard terms.module == manifest.name else { throw FormatError(.wrongModule, in: .grant) }
    guard terms.epoch == manifest.epoch else { throw FormatError(.wrongEpoch, in: .grant) }
    try checkDevice(device)
    guard terms.versions?.contains(manifest.version) ?? true else {
      throw FormatError(.versionOutOfRange, in: .grant)
    }
    try checkCurrency(time: time, memory)
    try package.checkCurrency(memory)
    try status.check(package, packageID: packageID, self)
  }

  /// Decides whether this grant may let some package load on a device: those of the checks that need no package.
  public func authorize(on device: DeviceState, time: TimeBasis, memory: ModuleMemory) throws(FormatError) {
    try checkDevice(device)
    try checkCurrency(time: time, memory)
  }

  /// Steps 3 to 6.
  private func checkDevice(_ device: DeviceState) throws(FormatError) {
    let terms = value.terms
    guard terms.deviceID == device.deviceID else { throw FormatError(.wrongDevice, in: .grant) }
    guard terms.lifecycle == device.lifecycle else { throw FormatError(.wrongLifecycle, in: .grant) }
    guard terms.grantKeyThumbprint == device.grantKeyThumbprint else { throw FormatError(.wrongGrantKey, in: .grant) }
    guard terms.issuer == authority.keyThumbprint else { throw FormatError(.malformed, in: .grant) }
  }

  /// Steps 8 and 9.
  private func checkCurrency(time: TimeBasis, _ memory: ModuleMemory) throws(FormatError) {
    if time.hasPassed(value.terms.notAfter) { throw FormatError(.expired, in: .grant) }
    if time.isBefore(value.terms.notBefore) { throw FormatError(.notYetValid, in: .grant) }
    guard value.terms.sequence >= memory.sequence else { throw FormatError(.rollback, in: .grant) }
  }
}

extension Verified where Value == Manifest {
  /// Decides whether some grant may let this package load on a device: those of the checks of SPEC 5 that need no grant.
  public func authorize(packageID: [UInt8], memory: ModuleMemory, status: StatusKnowledge) throws(FormatError) {
    try checkCurrency(memory)
    try status.check(self, packageID: packageID, nil)
  }

  /// Step 10.
  fileprivate func checkCurrency(_ memory: ModuleMemory) throws(FormatError) {
    guard value.securityVersion >= memory.floor else { throw FormatError(.rollback, in: .manifest) }
  }
}
