public import Cryptography
public import ErrorClass
public import HostSupport
public import HuskFormat
public import Packager

/// Why the simulator could not do something.
public enum SimulatorError: Error, Equatable, Sendable {
  case file(FileError)
  /// The directory doesn't hold a simulated device.
  case notADevice(path: String)
  /// A symbolic link, or anything else, where a device has a directory.
  case notAFolder(path: String)
  /// The fuses file is refused.
  case fuses(path: String, ErrorClass)
  case fuseChange(FuseChangeProblem)
  /// A file in flash, or to be put there, is refused.
  case object(ObjectFileError)
  /// A Husk file, but of a kind that isn't installed on devices.
  case notInstallable(path: String, FileLabel?)
  /// A package whose role no place in flash is for.
  case noPlace(path: String, Role)
  /// A module, grant or status list that the store doesn't take.
  case notStored(path: String, ErrorClass)
  /// A boot stage for a device that has started.
  case hasStarted(path: String)
  /// A package that isn't a boot stage, for an update.
  case notAStage(path: String)
  /// A second package for the same stage of an update.
  case stageTwice(path: String)
  /// An update that isn't put on trial.
  case notUpdated(ErrorClass)
  case packaging(PackagingError)
  case cryptography(CryptographyError)
  /// The chain starts with privileges that only root has.
  case needsRoot
  /// The kernel gives out no memory file that can be executed (`vm.memfd_noexec` is 2), and stages run from such files.
  case noExecutableMemoryFiles
  /// The process couldn't be started; errno.
  case start(path: String, Int32)
  /// The device ended without answering; its exit status, 128 + signal if a signal ended it.
  case didNotBoot(status: Int32)
  /// It answered with an error class.
  case refused(ErrorClass)
  /// What it answered isn't the protocol of SPEC 8.
  case badAnswer
  case noAnswer

  /// What fuses can't do.
  public enum FuseChangeProblem: Equatable, Sendable {
    case floorGoesDown(Role)
    case keyEpochGoesDown
    case buildTimeGoesBack
    case noSuchRootSlot(Int)
    /// Every root would be revoked: nothing would boot ever again.
    case lastRoot
  }
}
