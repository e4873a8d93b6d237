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
  ///   - arguments: `bootrom FUSES FLASH SERVICE USER GROUP [ARGUMENTS…]`; SERVICE is the number of an inherited
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
    let flash: UnsafePointer<CChar>
    let serviceSocket: Int32?
    let firmwareUser: UInt32
    let firmwareGroup: UInt32
    /// The firmware's arguments, behind a place for the program's name, ending in nil.
    let arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    init(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, count: Int) throws(ErrorClass) {
      guard count >= 6, let fuses = arguments[1], let flash = arguments[2], let service = arguments[3],
        let user = arguments[4], let group = arguments[5], let user = Self.number(user),
        let group = Self.number(group)
      else { throw .invalidArgument }
      self.fuses = UnsafePointer(fuses)
      self.flash = UnsafePointer(flash)
      if service[0] == CChar(bitPattern: UInt8(ascii: "-")) {
        serviceSocket = nil
      } else {
        guard let number = Self.number(service), let socket = Int32(exactly: number) else { throw .invalidArgument }
        serviceSocket = socket
      }
      for id in [user, group] where id == 0 || id == Platform.decryptorUser || id == .max { throw .invalidArgument }
      firmwareUser = user
      firmwareGroup = group
      self.arguments = arguments + 5
    }

    private static func number(_ text: UnsafeMutablePointer<CChar>) -> UInt32? {
      var value: UInt32 = 0
      var position = 0
      while text[position] != 0 {
        let (digit, isBelow) = UInt8(bitPattern: text[position]).subtractingReportingOverflow(UInt8(ascii: "0"))
        guard !isBelow, digit < 10 else { return nil }
        let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = tens.addingReportingOverflow(UInt32(digit))
        guard !overflow, !carry else { return nil }
        value = sum
        position += 1
      }
      return position > 0 ? value : nil
    }
  }

  private static func boot(_ wiring: Wiring) throws(ErrorClass) -> Never {
    let fuses = try Fuses(path: wiring.fuses)
    try closeFuses(wiring.fuses)
    // Not before: from a directory that was opened in the mount namespace outside, `../fuses` leads past the cover.
    let flash = linux_open_directory(wiring.flash)
    guard flash >= 0 else { throw .io }

    let image: StageImage
    do throws(ErrorClass) {
      image = try StageImage(.bootloader, flash: flash, state: fuses.state)
    } catch {
      refuse("bootrom", Stage.bootloader.name, error)
    }
    var state = fuses.state
    state.time = max(state.time, image.manifest.value.issuedAt)
    let root = try rootSecrets(fuses.uds)
    var certificates: [[UInt8]] = []
    let secrets = try root.next(image, fuses.state, certificates: &certificates)
    let handoff = Handoff(
      secrets: secrets,
      notes: HandoffNotes(
        state: state, certificates: certificates, hasServiceSocket: wiring.serviceSocket != nil,
        firmwareUser: wiring.firmwareUser, firmwareGroup: wiring.firmwareGroup))
    let pipe = try handoff.pipe()
    var descriptors = [pipe, flash]
    if let socket = wiring.serviceSocket { descriptors.append(socket) }
    try image.execute(arguments: wiring.arguments, descriptors: descriptors)
  }

  /// Nothing else is to be reached from here on (SPEC 7.1).
  private static func closeFuses(_ path: UnsafePointer<CChar>) throws(ErrorClass) {
    guard linux_cover_file(path) == 0 else { throw .internal }
    linux_raise_memory_lock_limit()
    let kept = [CAP_SETGID, CAP_SETUID, CAP_KILL].map { Int32($0) }
    guard linux_keep_capabilities(kept, kept.count) == 0, linux_no_new_privileges() == 0,
      linux_landlock_freeze_mounts() >= 0
    else { throw .internal }
  }

  /// The UDS stands for both CDIs of the layer before the first (SPEC 6.2).
  private static func rootSecrets(_ uds: borrowing SecretBytes) throws(ErrorClass) -> DICE.Secrets {
    do throws(SecretBytesError) {
      return DICE.Secrets(
        attest: try uds.withBytes { (bytes) throws(SecretBytesError) in try SecretBytes(copying: bytes) },
        seal: try uds.withBytes { (bytes) throws(SecretBytesError) in try SecretBytes(copying: bytes) })
    } catch {
      throw .outOfMemory
    }
  }
}
