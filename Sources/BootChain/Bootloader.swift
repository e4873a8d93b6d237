import CLinux
import DICE
import ErrorClass
import HuskFormat

/// The bootloader (SPEC 7): verifies decryptor and firmware, measures the decryptor, starts both, and waits.
public enum Bootloader {
  /// - Parameter arguments: the program's own, ending in nil; they are passed on to the firmware.
  public static func run(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Never {
    do throws(ErrorClass) {
      try startStage()
      let handoff = try Handoff(draining: Platform.Descriptor.handoff)
      try boot(handoff, arguments)
    } catch {
      refuse("bootloader", "to start", error)
    }
  }

  private static func boot(
    _ handoff: consuming Handoff, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  ) throws(ErrorClass) -> Never {
    var notes = handoff.notes
    // Both are verified before either runs.
    let decryptor = verified(.decryptor, notes.state)
    notes.state.time = max(notes.state.time, decryptor.manifest.value.issuedAt)
    var firmware: StageImage?
    if !notes.hasServiceSocket {
      firmware = verified(.firmware, notes.state)
    }
    var certificates = notes.certificates
    let secrets = try handoff.secrets.next(decryptor, handoff.notes.state, certificates: &certificates)
    notes.certificates = certificates
    let pipe = try Handoff(secrets: secrets, notes: notes).pipe()

    // This stage's own secrets end here, before anything else runs.
    _ = consume handoff

    var normalWorld: Int32 = -1
    var secureWorld: Int32 = -1
    if notes.hasServiceSocket {
      secureWorld = Platform.Descriptor.service
    } else {
      guard linux_socket_pair(&normalWorld, &secureWorld) == 0 else { throw .internal }
    }
    let decryptorProcess = try start(
      decryptor, user: Platform.decryptorUser, group: Platform.decryptorUser, isQuiet: true,
      arguments: noArguments(), descriptors: [pipe, secureWorld])
    close(pipe)
    close(secureWorld)
    guard let firmware = consume firmware else { exit(status(of: linux_wait(decryptorProcess))) }
    let firmwareProcess = try start(
      firmware, user: notes.firmwareUser, group: notes.firmwareGroup, isQuiet: false, arguments: arguments,
      descriptors: [normalWorld, Platform.Descriptor.flash])
    close(normalWorld)
    let outcome = status(of: linux_wait(firmwareProcess))
    kill(decryptorProcess, SIGKILL)
    _ = linux_wait(decryptorProcess)
    exit(outcome)
  }

  private static func verified(_ stage: Stage, _ state: BootState) -> StageImage {
    do throws(ErrorClass) {
      return try StageImage(stage, flash: Platform.Descriptor.flash, state: state)
    } catch {
      refuse("bootloader", stage.name, error)
    }
  }

  /// Starts a stage in a process and under a user of its own, which ends with this one.
  private static func start(
    _ image: consuming StageImage, user: UInt32, group: UInt32, isQuiet: Bool,
    arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, descriptors: [Int32]
  ) throws(ErrorClass) -> pid_t {
    let parent = getpid()
    let process = linux_fork()
    guard process >= 0 else { throw .internal }
    if process > 0 { return process }
    let stage = image.stage
    do throws(ErrorClass) {
      guard stage != .firmware || linux_first_to_go() == 0, linux_become(user, group) == 0,
        linux_die_with_parent(parent) == 0,
        !isQuiet || linux_keep_only_standard_error() == 0
      else { throw .internal }
      try image.execute(arguments: arguments, descriptors: descriptors)
    } catch {
      refuse("bootloader", stage.name, error)
    }
  }

  /// Room for a program's name and the ending nil; it lives as long as the process.
  private static func noArguments() -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
    let arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: 2)
    arguments.initialize(repeating: nil, count: 2)
    return arguments
  }

  /// The exit status that stands for how a process ended.
  private static func status(of outcome: Int32) -> Int32 {
    outcome >= 256 ? 128 + outcome - 256 : outcome
  }
}
