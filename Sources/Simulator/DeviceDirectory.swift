import BootChain
import CLinux
import DeviceStore
import HostSupport
import HuskFormat

/// Where a simulated device keeps what (SPEC 13).
public struct DeviceDirectory: Sendable {
  public let path: String

  /// Throws `notADevice` unless ROM, fuses, counter and floors are there.
  public init(_ path: String) throws(SimulatorError) {
    self.init(unchecked: path)
    var status = stat()
    guard stat(path, &status) == 0 else { throw .file(FileError(path: path, errno: linux_errno())) }
    for part in [rom, fuses, counter, floors] where stat(part, &status) != 0 {
      if linux_errno() == EACCES { throw .file(FileError(path, .permissionDenied)) }
      throw .notADevice(path: path)
    }
  }

  init(unchecked path: String) {
    self.path = path
  }

  public var rom: String { "\(path)/rom/bootrom" }
  public var fuses: String { "\(path)/fuses/fuses" }
  /// The monotonic counter.
  public var counter: String { "\(path)/fuses/counter" }
  /// The floors that were raised since the device was made.
  public var floors: String { "\(path)/fuses/floors" }
  public var flash: String { "\(path)/flash" }

  /// Below the device's own directory, with the permissions they have.
  static let folders: [(name: String, mode: UInt32)] = [
    ("rom", 0o755), ("fuses", 0o700), ("flash", 0o755), ("flash/boot", 0o755), ("flash/boot/a", 0o755),
    ("flash/boot/b", 0o755), ("flash/boot/control", 0o755), ("flash/modules", 0o755), ("flash/grants", 0o755),
    ("flash/status", 0o755), ("flash/update", 0o755), ("flash/storage", 0o700),
  ]

  /// Throws `notAFolder` unless flash and what is in it are directories of the device's own: nothing is written to where
  /// somebody's link leads.
  func checkFlash() throws(SimulatorError) {
    for folder in Self.folders.map(\.name) where folder.hasPrefix("flash") {
      let folder = "\(path)/\(folder)"
      var status = stat()
      guard lstat(folder, &status) == 0 else { throw .file(FileError(path: folder, errno: linux_errno())) }
      guard Int32(bitPattern: status.st_mode) & S_IFMT == S_IFDIR else { throw .notAFolder(path: folder) }
    }
  }

  /// The place in flash of a boot stage's package; nil if there is none for its role.
  func place(of manifest: Manifest) -> String? {
    Stage.allCases.first { $0.role == manifest.role }.map { path(of: $0, in: .a) }
  }
}
