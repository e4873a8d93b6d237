import BootChain
import CLinux
import ErrorClass
import HuskFormat
import Simulator

extension ErrorReport {
  init(simulator error: SimulatorError) {
    switch error {
    case .file(let error): self.init(file: error)
    case .notADevice(let path):
      self.init("\(path): not a simulated device", hint: "husk sim create makes one")
    case .notAFolder(let path): self.init("\(path): is a link or a file, and not the device's own directory")
    case .fuses(let path, let errorClass): self.init("\(path): the fuses are refused (\(errorClass.name))")
    case .fuseChange(let problem): self.init(problem.words)
    case .object(let error): self.init(object: error)
    case .notInstallable(let path, let label):
      self.init(
        "\(path): \(label.map { "is \($0.words)" } ?? "is not a Husk file"); packages and grants can be installed")
    case .noPlace(let path, let role): self.init("\(path): no place in flash is for the role \(role.text)")
    case .notStored(let path, let errorClass):
      self.init("\(path): the device's module store doesn't take it (\(errorClass.name))", hint: errorClass.storeHint)
    case .hasStarted(let path):
      self.init(
        "\(path): the device has started before, so its stages are updated", hint: "husk sim update does that")
    case .notAStage(let path):
      self.init("\(path): is not a boot stage", hint: "husk sim install puts modules into flash")
    case .stageTwice(let path): self.init("\(path): another package for the same stage is given too")
    case .notUpdated(.onTrial):
      self.init(
        "an update is on trial already (on-trial)",
        hint: "boot the device: the firmware confirms the update, or it is given up after three starts")
    case .notUpdated(let errorClass):
      self.init(
        "the update is refused (\(errorClass.name)); the device starts what it had", hint: errorClass.updateHint)
    case .packaging(let error): self.init(packaging: error)
    case .cryptography(let error): self.init(cryptography: error)
    case .needsRoot: self.init("starting a device needs root", hint: "run it with sudo")
    case .noExecutableMemoryFiles:
      self.init(
        "no boot stage can start here: the kernel gives out no memory file that can be executed",
        hint: "vm.memfd_noexec is 2: sysctl vm.memfd_noexec=1 lets stages start, and nothing that isn't meant to")
    case .start(let path, let code):
      self.init(
        "\(path): can't be started: \(String(cString: strerror(code)))",
        hint: code == ENOEXEC ? "--rom takes stages/bootrom of this machine's release folder" : nil)
    case .didNotBoot(let status): self.init("the device didn't boot: it ended with status \(status)")
    case .refused(let errorClass): self.init("the device refused to answer (\(errorClass.name))")
    case .badAnswer: self.init("the device's answer isn't well formed (protocol)")
    case .noAnswer: self.init("the device didn't answer in time (deadline-exceeded)")
    }
  }
}

extension ErrorClass {
  fileprivate var storeHint: String? {
    switch self {
    case .inUse: "its firmware is running and has the store open: have that install it, or end it"
    case .rollback: "a grant with a higher sequence number is there already"
    default: storageHint
    }
  }

  fileprivate var updateHint: String? {
    switch self {
    case .inUse: "its firmware is running and has the store open: end it, or have it try the update"
    case .rollback: "a security version is below the device's floor; husk sim slots tells the floors"
    case .malformed, .digestMismatch, .sizeMismatch, .signatureInvalid:
      "a file is damaged, or one that the device has in use; husk verify and husk sim slots tell which"
    default: storageHint
    }
  }

  /// What to do about storage that doesn't take something.
  private var storageHint: String? {
    switch self {
    case .noSpace: "make room on the file system that holds the device's directory, and do it again"
    case .readOnly: "the device's flash can't be written to by this user, or by nobody: look at its owner and its mount"
    case .io: "the file system that holds the device's directory fails, or something in it isn't what it should be"
    default: nil
    }
  }
}

extension SimulatorError.FuseChangeProblem {
  fileprivate var words: String {
    switch self {
    case .floorGoesDown(let role): "fuses only go up: the floor of \(role.text) is higher already"
    case .keyEpochGoesDown: "fuses only go up: the key epoch is higher already"
    case .buildTimeGoesBack: "fuses only go up: the build time is later already"
    case .noSuchRootSlot(let slot): "there is no boot root in slot \(slot)"
    case .lastRoot: "this would revoke the last boot root: nothing would ever boot again"
    }
  }
}

extension FileLabel {
  var words: String {
    switch self {
    case .package: "a package"
    case .grant: "a grant"
    case .bundle: "a bundle of grants"
    case .chain: "a certificate chain"
    case .identity: "a device identity"
    case .statusList: "a status list"
    case .storage: "a storage file"
    case .control: "a control file"
    case .fuses: "a fuses file"
    case .logHead: "the head of a vault's log"
    case .export: "an export of a vault"
    }
  }
}
