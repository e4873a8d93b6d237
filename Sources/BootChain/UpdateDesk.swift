import CLinux
import DeviceStore
import ErrorClass

/// What the bootloader does for updates while what it started runs (SPEC 7.11): it alone may write to the slots.
struct UpdateDesk: Sendable {
  private let slots: BootSlots<POSIXStorage>
  /// What staged packages are verified against.
  private let state: BootState
  private let boot: BootNotes
  /// CLOCK_MONOTONIC, milliseconds: when a trial that isn't confirmed is over. Nil if there is no such trial.
  private(set) var deadline: Int64?
  /// The process that copies the good slot; 0 if there is none.
  private var refresher: pid_t = 0

  init(_ boot: BootNotes, _ state: BootState, flash: Int32) {
    slots = BootSlots(on: POSIXStorage(root: flash))
    self.state = state
    self.boot = boot
    if boot.isTrial { deadline = linux_monotonic_milliseconds() + 1000 * Int64(boot.watchdog) }
  }

  /// How long to wait at most, in milliseconds; negative for ever.
  var patience: Int64 {
    guard let deadline else { return -1 }
    return max(deadline - linux_monotonic_milliseconds(), 0)
  }

  var isTimeUp: Bool { patience == 0 }

  /// Operation 4 of SPEC 7.6.
  mutating func confirm() throws(ErrorClass) {
    guard boot.isTrial else { return }
    try slots.confirm(boot.slot)
    deadline = nil
    // The hardware's watchdog too.
    alarm(0)
  }

  /// Operation 5 of SPEC 7.6.
  mutating func tryStaged() throws(ErrorClass) {
    if refresher > 0 {
      kill(refresher, SIGKILL)
      waitForRefresh()
    }
    try slots.tryStaged(running: boot.slot, state)
  }

  /// Notes how a trial ended, unless it was confirmed.
  func noteEnd(_ kind: UpdateEvent.Kind, detail: UInt64) {
    guard boot.isTrial else { return }
    do throws(ErrorClass) {
      try slots.note(kind, boot.slot, detail: detail)
    } catch {
      report("bootloader", ["control files not written: ", error.name])
    }
  }

  func noteTimeout() {
    noteEnd(.timedOut, detail: UInt64(boot.watchdog))
  }

  /// Has a process of its own make the idle slot a copy of the good one, if the ROM asks for that.
  ///
  /// - Parameter descriptors: what that process must not hold.
  mutating func startRefresh(closing descriptors: [Int32]) {
    guard boot.needsRefresh else { return }
    let parent = getpid()
    let process = linux_fork()
    if process != 0 {
      refresher = max(process, 0)
      return
    }
    for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
    guard linux_die_with_parent(parent) == 0 else { _exit(1) }
    do throws(ErrorClass) {
      try slots.refresh(from: boot.slot, state)
    } catch {
      report("bootloader", ["slot ", boot.slot.other.name, " not refreshed: ", error.name])
    }
    _exit(0)
  }

  mutating func waitForRefresh() {
    if refresher > 0 { _ = linux_wait(refresher) }
    refresher = 0
  }
}
