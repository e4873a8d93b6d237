import CLinux
import DeviceStore
import ErrorClass
import HuskFormat

/// The bootloader (SPEC 7): verifies decryptor and firmware, measures the decryptor, starts both, and waits. Meanwhile it
/// is the decryptor's secret provider, and writes to the slots (SPEC 7.11).
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
    let slot = handoff.notes.boot.slot
    let updates = UpdateDesk(handoff.notes.boot, handoff.notes.state, flash: Platform.Descriptor.flash)
    // Both are verified before either runs.
    let decryptor = verified(.decryptor, in: slot, handoff.notes.state)
    let next = try handoff.next(decryptor)
    // This stage's own secrets end here, before anything else runs.
    _ = consume handoff
    let notes = next.notes
    var firmware: StageImage?
    if !hasServiceSocket {
      firmware = verified(.firmware, in: slot, notes.state)
    }

    var normalWorld: Int32 = -1
    var secureWorld = Platform.Descriptor.service
    if !hasServiceSocket, linux_socket_pair(&normalWorld, &secureWorld) != 0 { throw .internal }
    // When this returns, the decryptor has its secrets and this process has none: the firmware's begins as a copy of it.
    var running = try launcher.startDecryptor(
      decryptor, as: .init(user: Platform.decryptorUser, group: Platform.decryptorUser), handoff: next,
      counter: MonotonicCounter(inherited: Platform.Descriptor.counter), flash: flash, clients: secureWorld,
      updates: updates)
    guard let firmware = consume firmware else {
      try running.provider.serve(until: running.process)
      exit(exitStatus(of: running.process))
    }
    endIfTimeIsUp(running)
    let firmwareProcess = try launcher.start(
      firmware, as: .init(user: notes.firmwareUser, group: notes.firmwareGroup), arguments: arguments,
      descriptors: [normalWorld, Platform.Descriptor.flash])
    close(normalWorld)
    running.startRefresh()
    try running.provider.serve(until: firmwareProcess)
    endIfTimeIsUp(running, firmwareProcess)
    let status = exitStatus(of: firmwareProcess)
    running.end()
    running.provider.updates?.noteEnd(.ended, detail: UInt64(status))
    running.provider.updates?.waitForRefresh()
    exit(status)
  }

  private static var flash: POSIXStorage { POSIXStorage(root: Platform.Descriptor.flash) }

  /// What a watchdog does: nothing of a trial that wasn't confirmed in time goes on.
  private static func endIfTimeIsUp(_ running: borrowing ProvidedDecryptor, _ firmware: pid_t? = nil) {
    guard running.provider.isTimeUp else { return }
    if let firmware {
      kill(firmware, SIGKILL)
      _ = linux_wait(firmware)
    }
    running.end()
    running.provider.updates?.noteTimeout()
    exit(bootTimedOutStatus)
  }

  private static func verified(_ stage: Stage, in slot: Slot, _ state: BootState) -> StageImage {
    do throws(ErrorClass) {
      return try StageImage(stage, in: slot, on: flash, state: state)
    } catch {
      refuse("bootloader", stage.name, error)
    }
  }
}

extension ProvidedDecryptor {
  fileprivate mutating func startRefresh() {
    let descriptors = provider.descriptors
    provider.updates?.startRefresh(closing: descriptors)
  }

  fileprivate borrowing func end() {
    kill(process, SIGKILL)
    _ = linux_wait(process)
  }
}
