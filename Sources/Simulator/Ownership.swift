import BootChain
import CLinux
import FoundationEssentials
import HostSupport

/// The user that a simulated device's firmware runs as.
public struct FirmwareUser: Equatable, Sendable {
  public let user: UInt32
  public let group: UInt32

  public init(user: UInt32, group: UInt32) {
    self.user = user
    self.group = group
  }

  /// The one who called sudo, else the platform's usual one (SPEC 13.1).
  public static var ofCaller: FirmwareUser {
    guard let user = ordinaryID("SUDO_UID"), let group = ordinaryID("SUDO_GID") else {
      return FirmwareUser(user: Platform.firmwareUser, group: Platform.firmwareUser)
    }
    return FirmwareUser(user: user, group: group)
  }

  /// A user or group that isn't root's, nor the number that means none.
  private static func ordinaryID(_ name: String) -> UInt32? {
    getenv(name).flatMap { UInt32(String(cString: $0)) }.flatMap { $0 == 0 || $0 == .max ? nil : $0 }
  }
}

extension DeviceDirectory {
  /// What of flash belongs to the boot chain, and what to the firmware.
  private static let ofBootChain = ["boot", "storage"]
  private static let ofFirmware = ["modules", "grants", "status", "update"]

  /// Gives what is in flash to whom it belongs on a device (SPEC 13.1), whoever made or installed it, the firmware's folders
  /// whether they are there or not. What does already is left alone.
  func settleOwnership(_ firmware: FirmwareUser) throws(SimulatorError) {
    let root = FirmwareUser(user: 0, group: 0)
    try give(flash, to: root)
    for folder in Self.ofBootChain { try giveAll("\(flash)/\(folder)", to: root) }
    for folder in Self.ofFirmware {
      // The firmware couldn't make one that was lost.
      mkdir("\(flash)/\(folder)", 0o755)
      try giveAll("\(flash)/\(folder)", to: firmware)
    }
  }

  private func giveAll(_ folder: String, to owner: FirmwareUser) throws(SimulatorError) {
    // Not what a link leads to.
    var status = stat()
    guard lstat(folder, &status) == 0, Int32(bitPattern: status.st_mode) & S_IFMT == S_IFDIR else { return }
    try give(folder, to: owner)
    let files = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
    for file in files { try give("\(folder)/\(file)", to: owner) }
  }

  /// Leaves links alone, and files that have another name elsewhere.
  private func give(_ path: String, to owner: FirmwareUser) throws(SimulatorError) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_uid != owner.user || status.st_gid != owner.group else { return }
    switch Int32(bitPattern: status.st_mode) & S_IFMT {
    case S_IFDIR: break
    case S_IFREG where status.st_nlink == 1: break
    default: return
    }
    // A flash that takes no writes still starts.
    guard lchown(path, owner.user, owner.group) == 0 || linux_errno() == EROFS else {
      throw .file(FileError(path: path, errno: linux_errno()))
    }
  }
}
