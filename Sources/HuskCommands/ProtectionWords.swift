import CLinux
import Protections

extension ProtectionFact {
  /// Its name with spaces; a number if a newer decryptor reports what this version doesn't know.
  var title: String {
    guard let protection else { return "protection \(number)" }
    return "\(protection.name)".split(separator: "-").joined(separator: " ")
  }

  var reporter: Protection.Reporter { Protection.Reporter(ofNumber: number) }

  var stateInWords: String {
    let word = state == .inactive ? "NOT ACTIVE" : "\(state.name)"
    return explanation.map { "\(word) (\($0))" } ?? word
  }

  /// What the detail means (SPEC 15.5); nil if it says nothing.
  var explanation: String? {
    switch state {
    case .unknown: UnknownReason(rawValue: detail).map { "\($0.text)" }
    case .active: activeExplanation
    case .inactive: inactiveExplanation
    }
  }

  private var activeExplanation: String? {
    switch protection {
    case .landlock: "version \(detail)"
    case .unprivilegedUser, .processUnprivileged: "user \(detail)"
    case .moduleLocked: lockLimit
    case .ptraceRestricted: "ptrace_scope \(detail)"
    case .verifiedRoot: detail == 1 ? "dm-verity" : "overlay with fs-verity"
    case .noPlainSwap: detail == 0 ? "no swap" : nil
    case .memfdNoexec: detail < 2 ? "level \(detail)" : "level \(detail), at which no boot stage can start: set 1"
    case .noKexec, .noHibernation, .signedKernelModules: way
    default: nil
    }
  }

  private var inactiveExplanation: String? {
    switch protection {
    case .secretMemory, .memoryLocked, .seccomp, .landlock, .noexecModuleFiles: errorText
    case .libcryptoHeap: detail == 1 ? "not all of it is locked" : nil
    case .notDumpable, .processNotDumpable: nil
    case .unprivilegedUser, .processUnprivileged: detail == 0 ? "root" : "user \(detail)"
    case .moduleLocked: lockLimit
    case .noPlainSwap: detail == 1 ? "1 area" : "\(detail) areas"
    case .kernelLockdown: detail == 1 ? "integrity only" : nil
    case .physicalMemoryClosed:
      switch detail {
      case 1: "/dev/mem"
      case 2: "/proc/kcore"
      default: "/dev/mem and /proc/kcore"
      }
    default: nil
    }
  }

  private var errorText: String? {
    guard detail != 0, let code = Int32(exactly: detail) else { return nil }
    return [ENOSYS, EOPNOTSUPP, EINVAL].contains(code) ? "the kernel doesn't have it" : String(cString: strerror(code))
  }

  private var lockLimit: String {
    detail == UInt64(Int64.max) ? "no limit" : "limit \(detail / 1024) KiB"
  }

  private var way: String? {
    switch detail {
    case 1: "not in this kernel"
    case 2: "turned off"
    case 3: "kernel lockdown"
    case 4: "signatures are enforced"
    default: nil
    }
  }
}
