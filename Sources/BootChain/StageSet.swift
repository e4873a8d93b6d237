public import ErrorClass
public import HuskFormat

/// The packages of a slot, verified as a whole (SPEC 7.11).
public struct StageSet: Equatable, Sendable {
  /// In the order in which the stages start.
  public let manifests: [Verified<Manifest>]

  init(_ manifests: [Verified<Manifest>]) {
    self.manifests = manifests
  }

  /// Major, minor and patch of the firmware; nil if there is none.
  public var version: [UInt32]? {
    guard let firmware = manifests.last(where: { $0.value.role == Stage.firmware.role }) else { return nil }
    let version = firmware.value.version
    return [version.major, version.minor, version.patch]
  }

  /// What floors may be raised to, as far as this set goes.
  public var securityVersions: Floors {
    var floors = Floors(loader: 0, decryptor: 0, firmware: 0)
    for manifest in manifests {
      switch manifest.value.role {
      case Stage.bootloader.role: floors.loader = manifest.value.securityVersion
      case Stage.decryptor.role: floors.decryptor = manifest.value.securityVersion
      default: floors.firmware = manifest.value.securityVersion
      }
    }
    return floors
  }
}

/// Why a set can't be used: the first of its stages that fails.
public struct StageRefusal: Error, Equatable, Sendable {
  public let stage: Stage
  public let errorClass: ErrorClass

  init(_ stage: Stage, _ errorClass: ErrorClass) {
    self.stage = stage
    self.errorClass = errorClass
  }
}
