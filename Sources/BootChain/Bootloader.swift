import CLinux
import ErrorClass
import HuskFormat

/// The bootloader (SPEC 7): verifies decryptor and firmware, measures the decryptor, starts both, and waits. Meanwhile it
/// is the decryptor's secret provider.
public enum Bootloader {
  private static let launcher = StageLauncher(name: "bootloader")

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
    // Whatever is there: ROM passes on what is meant, and nothing else.
    let hasServiceSocket = linux_file_number(Platform.Descriptor.service) != 0
    // Both are verified before either runs.
    let decryptor = verified(.decryptor, handoff.notes.state)
    let next = try handoff.next(decryptor)
    // This stage's own secrets end here, before anything else runs.
    _ = consume handoff
    let notes = next.notes
    var firmware: StageImage?
    if !hasServiceSocket {
      firmware = verified(.firmware, notes.state)
    }

    var normalWorld: Int32 = -1
    var secureWorld = Platform.Descriptor.service
    if !hasServiceSocket, linux_socket_pair(&normalWorld, &secureWorld) != 0 { throw .internal }
    // When this returns, the decryptor has its secrets and this process has none: the firmware's begins as a copy of it.
    var running = try launcher.startDecryptor(
      decryptor, as: .init(user: Platform.decryptorUser, group: Platform.decryptorUser), handoff: next,
      counter: MonotonicCounter(inherited: Platform.Descriptor.counter), flash: Platform.Descriptor.flash,
      clients: secureWorld)
    let decryptorProcess = running.process
    guard let firmware = consume firmware else {
      try running.provider.serve(until: decryptorProcess)
      exit(exitStatus(of: decryptorProcess))
    }
    let firmwareProcess = try launcher.start(
      firmware, as: .init(user: notes.firmwareUser, group: notes.firmwareGroup), arguments: arguments,
      descriptors: [normalWorld, Platform.Descriptor.flash])
    close(normalWorld)
    try running.provider.serve(until: firmwareProcess)
    let status = exitStatus(of: firmwareProcess)
    kill(decryptorProcess, SIGKILL)
    _ = linux_wait(decryptorProcess)
    exit(status)
  }

  private static func verified(_ stage: Stage, _ state: BootState) -> StageImage {
    do throws(ErrorClass) {
      return try StageImage(stage, flash: Platform.Descriptor.flash, state: state)
    } catch {
      refuse("bootloader", stage.name, error)
    }
  }
}
