import CLinux
import COSE
import Cryptography
import DICE
import ErrorClass
import HuskFormat
import SecretBytes

/// The mock boot ROM (SPEC 7): reads the fuses, closes the way to them, verifies, measures and becomes the bootloader.
public enum BootROM {
  /// - Parameters:
  ///   - arguments: `bootrom FUSES COUNTER FLASH SERVICE USER GROUP [ARGUMENTS…]`; SERVICE is the number of an inherited
  ///     service socket, or `-`; USER and GROUP are those of the firmware.
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
    let flash: UnsafePointer<CChar>
    let serviceSocket: Int32?
    let firmwareUser: UInt32
    let firmwareGroup: UInt32
    /// The firmware's arguments, behind a place for the program's name, ending in nil.
    let arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    init(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, count: Int) throws(ErrorClass) {
      guard count >= 7, let fuses = arguments[1], let counter = arguments[2], let flash = arguments[3],
        let service = arguments[4], let user = arguments[5], let group = arguments[6], let user = number(user),
        let group = number(group)
      else { throw .invalidArgument }
      self.fuses = UnsafePointer(fuses)
      self.counter = UnsafePointer(counter)
      self.flash = UnsafePointer(flash)
      if service[0] == CChar(bitPattern: UInt8(ascii: "-")) {
        serviceSocket = nil
      } else {
        guard let number = number(service), let socket = Int32(exactly: number) else { throw .invalidArgument }
        serviceSocket = socket
      }
      for id in [user, group] where id == 0 || id == Platform.decryptorUser || id == .max { throw .invalidArgument }
      firmwareUser = user
      firmwareGroup = group
      self.arguments = arguments + 6
    }
  }

  private static func boot(_ wiring: Wiring) throws(ErrorClass) -> Never {
    let counter = try MonotonicCounter(path: wiring.counter)
    let fuses = try Fuses(path: wiring.fuses)
    try closeFuses(wiring)
    // Not before: from a directory that was opened in the mount namespace outside, `../fuses` leads past the cover.
    let flash = linux_open_directory(wiring.flash)
    guard flash >= 0 else { throw .io }

    let image: StageImage
    do throws(ErrorClass) {
      image = try StageImage(.bootloader, flash: flash, state: fuses.state)
    } catch {
      refuse("bootrom", Stage.bootloader.name, error)
    }
    let handoff = try Handoff(fuses, to: image, user: wiring.firmwareUser, group: wiring.firmwareGroup)
    let pipe = try handoff.pipe()
    var descriptors = [pipe, flash, counter.file]
    if let socket = wiring.serviceSocket { descriptors.append(socket) }
    try image.execute(arguments: wiring.arguments, descriptors: descriptors)
  }

  /// Nothing else is to be reached from here on (SPEC 7.1).
  private static func closeFuses(_ wiring: Wiring) throws(ErrorClass) {
    guard linux_cover_file(wiring.fuses) == 0, linux_cover_file(wiring.counter) == 0 else { throw .internal }
    linux_raise_memory_lock_limit()
    let kept = [CAP_SETGID, CAP_SETUID, CAP_KILL].map { Int32($0) }
    guard linux_keep_capabilities(kept, kept.count) == 0, linux_no_new_privileges() == 0,
      linux_landlock_freeze_mounts() >= 0
    else { throw .internal }
  }
}
