import CLinux
import DeviceStore
import ErrorClass
import HuskFormat

/// The mock secret provider of a system service (SPEC 7.7): does in one process what ROM and bootloader do, so that the
/// device has the same identity both ways, starts the decryptor on the service manager's socket, and serves it.
public enum FuseProvider {
  /// - Parameters:
  ///   - arguments: `fuseprovider FUSES COUNTER FLOORS FLASH USER GROUP`; USER and GROUP are those who may connect.
  ///   - count: how many there are.
  public static func run(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, count: Int) -> Never {
    do throws(ErrorClass) {
      try startStage()
      guard linux_open_standard_descriptors() == 0, linux_reset_signals() == 0 else { throw .internal }
      guard linux_no_new_privileges() == 0, linux_forbid_core_files() == 0 else { throw .internal }
      guard count == 7, let fuses = arguments[1], let counter = arguments[2], let floors = arguments[3],
        let flash = arguments[4], let user = arguments[5], let group = arguments[6], let user = number(user),
        let group = number(group), user != .max, group != .max
      else { throw .invalidArgument }
      guard listensForUs() else { throw .invalidArgument }
      let directory = linux_open_directory(flash)
      guard directory >= 0 else { throw .io }
      var state = try Fuses(path: fuses)
      state.raiseFloors(to: try FloorsRegister(path: floors, .reading).floors())
      try serve(
        state, counter: MonotonicCounter(path: counter), flash: POSIXStorage(root: directory),
        clients: .init(user: user, group: group))
    } catch {
      refuse("fuseprovider", "to start", error)
    }
  }

  /// Whether the service manager passed one listening socket to this process (sd_listen_fds(3)).
  private static func listensForUs() -> Bool {
    guard let process = getenv("LISTEN_PID"), let count = getenv("LISTEN_FDS") else { return false }
    return number(process) == UInt32(getpid()) && number(count) == 1
      && linux_is_listening(Platform.Descriptor.listener) == 1
  }

  private static func serve(
    _ fuses: consuming Fuses, counter: consuming MonotonicCounter<POSIXStorage>, flash: POSIXStorage,
    clients: StageLauncher.User
  ) throws(ErrorClass) -> Never {
    let slot = chosenSlot(fuses.state, flash)
    let bootloader = verified(.bootloader, in: slot, fuses.state, flash)
    let first = try Handoff(
      fuses, to: bootloader, user: clients.user, group: clients.group, boot: BootNotes(slot: slot))
    _ = consume fuses
    let decryptor = verified(.decryptor, in: slot, first.notes.state, flash)
    let handoff = try first.next(decryptor)
    _ = consume first
    var running = try StageLauncher(name: "fuseprovider").startDecryptor(
      decryptor, as: nil, handoff: handoff, counter: counter, flash: flash, clients: Platform.Descriptor.listener,
      updates: nil)
    close(flash.root)
    // Nothing more is to be opened, the fuses least of all.
    guard linux_landlock_deny_all() >= 0 else { throw .internal }
    let process = running.process
    try running.provider.serve(until: process)
    exit(exitStatus(of: process))
  }

  private static func chosenSlot(_ state: BootState, _ flash: POSIXStorage) -> Slot {
    do throws(StageRefusal) {
      return try BootSlots(on: flash).chooseSecureWorld(state)
    } catch {
      refuse("fuseprovider", error.stage.name, error.errorClass)
    }
  }

  private static func verified(
    _ stage: Stage, in slot: Slot, _ state: BootState, _ flash: POSIXStorage
  ) -> StageImage {
    do throws(ErrorClass) {
      return try StageImage(stage, in: slot, on: flash, state: state)
    } catch {
      refuse("fuseprovider", stage.name, error)
    }
  }
}
