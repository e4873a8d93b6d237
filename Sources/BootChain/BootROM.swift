import CLinux
import COSE
import Cryptography
import DICE
import DeviceStore
import ErrorClass
import HuskFormat
import SecretBytes

/// The mock boot ROM (SPEC 7): reads the fuses, closes the way to them, verifies, measures and becomes the bootloader.
public enum BootROM {
  /// - Parameters:
  ///   - arguments: `bootrom FUSES COUNTER FLOORS FLASH WATCHDOG SERVICE USER GROUP [ARGUMENTS…]`; WATCHDOG is in seconds;
  ///     SERVICE is the number of an inherited service socket, or `-`; USER and GROUP are those of the firmware.
  ///   - count: how many there are.
  public static func run(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, count: Int) -> Never {
    var (arguments, count) = (arguments, Int32(clamping: count))
    do throws(ErrorClass) {
      if linux_is_init(count) == 1 { try startBoard(&arguments, &count) }
      try startStage()
      guard linux_open_standard_descriptors() == 0 else { throw .internal }
      // A launcher that ignores SIGCHLD would take the firmware's exit status from the bootloader.
      guard linux_reset_signals() == 0 else { throw .internal }
      let wiring = try Wiring(arguments, count: Int(count))
      try boot(wiring)
    } catch {
      refuse("bootrom", "to start", error)
    }
  }

  /// As the first process of a board, goes on in a second one with the command line of the board's image (SPEC 13.2).
  private static func startBoard(
    _ arguments: inout UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ count: inout Int32
  ) throws(ErrorClass) {
    var words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    guard linux_start_board(&words, &count) == 0, let words else { throw .internal }
    arguments = words
  }

  /// What the simulator's wiring says.
  private struct Wiring {
    let fuses: UnsafePointer<CChar>
    let counter: UnsafePointer<CChar>
    let floors: UnsafePointer<CChar>
    let flash: UnsafePointer<CChar>
    /// Seconds that a boot on trial has.
    let watchdog: UInt32
    let serviceSocket: Int32?
    let firmwareUser: UInt32
    let firmwareGroup: UInt32
    /// The firmware's arguments, behind a place for the program's name, ending in nil.
    let arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    init(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, count: Int) throws(ErrorClass) {
      guard count >= 9, let fuses = arguments[1], let counter = arguments[2], let floors = arguments[3],
        let flash = arguments[4], let watchdog = arguments[5], let service = arguments[6], let user = arguments[7],
        let group = arguments[8], let watchdog = number(watchdog), let user = number(user), let group = number(group)
      else { throw .invalidArgument }
      self.fuses = UnsafePointer(fuses)
      self.counter = UnsafePointer(counter)
      self.floors = UnsafePointer(floors)
      self.flash = UnsafePointer(flash)
      // 0 would say that nothing is on trial; and a margin is added.
      guard watchdog > 0, watchdog <= .max - Platform.watchdogMargin else { throw .invalidArgument }
      self.watchdog = watchdog
      if service[0] == CChar(bitPattern: UInt8(ascii: "-")) {
        serviceSocket = nil
      } else {
        guard let number = number(service), let socket = Int32(exactly: number) else { throw .invalidArgument }
        serviceSocket = socket
      }
      for id in [user, group] where id == 0 || id == Platform.decryptorUser || id == .max { throw .invalidArgument }
      firmwareUser = user
      firmwareGroup = group
      self.arguments = arguments + 8
    }
  }

  private static func boot(_ wiring: Wiring) throws(ErrorClass) -> Never {
    let counter = try MonotonicCounter(path: wiring.counter)
    let register = try FloorsRegister(path: wiring.floors, .writing)
    var fuses = try Fuses(path: wiring.fuses)
    fuses.raiseFloors(to: try register.floors())
    try closeFuses(wiring)
    // Not before: from a directory that was opened in the mount namespace outside, `../fuses` leads past the cover.
    let flash = linux_open_directory(wiring.flash)
    guard flash >= 0 else { throw .io }

    let storage = POSIXStorage(root: flash)
    let boot = choose(BootSlots(on: storage), &fuses, register, wiring)
    let image: StageImage
    do throws(ErrorClass) {
      image = try StageImage(.bootloader, in: boot.slot, on: storage, state: fuses.state)
    } catch {
      refuse("bootrom", Stage.bootloader.name, error)
    }
    let handoff = try Handoff(fuses, to: image, user: wiring.firmwareUser, group: wiring.firmwareGroup, boot: boot)
    let pipe = try handoff.pipe()
    var descriptors = [pipe, flash, counter.file.handle]
    if let socket = wiring.serviceSocket { descriptors.append(socket) }
    // The mock of a watchdog in hardware: the timer goes on when this process becomes the bootloader.
    if boot.isTrial { alarm(boot.watchdog + Platform.watchdogMargin) }
    try image.execute(arguments: wiring.arguments, descriptors: descriptors)
  }

  /// Chooses what boots, and raises the floors if nothing is lost by that (SPEC 7.11).
  private static func choose(
    _ slots: BootSlots<POSIXStorage>, _ fuses: inout Fuses, _ register: borrowing FloorsRegister<POSIXStorage>,
    _ wiring: Wiring
  ) -> BootNotes {
    do throws(StageRefusal) {
      guard wiring.serviceSocket == nil else { return BootNotes(slot: try slots.chooseSecureWorld(fuses.state)) }
      var decision = try slots.choose(fuses.state)
      decision.report()
      guard !decision.isTrial else { return BootNotes(slot: decision.slot, watchdog: wiring.watchdog) }
      let (floors, needsRefresh) = slots.floors(after: &decision, fuses.state)
      do throws(ErrorClass) {
        if floors != fuses.state.floors { try register.raise(to: floors) }
        fuses.raiseFloors(to: floors)
      } catch {
        BootChain.report("bootrom", ["floors not raised: ", error.name])
      }
      return BootNotes(slot: decision.slot, needsRefresh: needsRefresh)
    } catch {
      refuse("bootrom", error.stage.name, error.errorClass)
    }
  }

  /// Nothing else is to be reached from here on (SPEC 7.1).
  private static func closeFuses(_ wiring: Wiring) throws(ErrorClass) {
    guard linux_cover_file(wiring.fuses) == 0, linux_cover_file(wiring.counter) == 0,
      linux_cover_file(wiring.floors) == 0
    else { throw .internal }
    linux_raise_memory_lock_limit()
    let kept = [CAP_SETGID, CAP_SETUID, CAP_KILL].map { Int32($0) }
    guard linux_keep_capabilities(kept, kept.count) == 0, linux_no_new_privileges() == 0,
      linux_landlock_freeze_mounts() >= 0
    else { throw .internal }
  }
}

extension BootDecision {
  /// Says what there is to know of a boot that isn't one like any other.
  fileprivate func report() {
    let running: [StaticString] = ["; running slot ", slot.name]
    if let neverConfirmed {
      BootChain.report("bootrom", ["slot ", neverConfirmed.name, ": never confirmed"] + running)
    }
    if let refusal = refusal(slot.other), !(isFirst && refusal.errorClass == .notFound) {
      let reason: [StaticString] = [": refused ", refusal.stage.name, ": ", refusal.errorClass.name]
      BootChain.report("bootrom", ["slot ", slot.other.name] + reason + running)
    }
    if let failure { BootChain.report("bootrom", ["control files not written: ", failure.name] + running) }
  }
}
