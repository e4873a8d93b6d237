/// A protection that a device can have, by its number in SPEC 15.5. Numbers and names are stable.
public enum Protection: UInt64, CaseIterable, Sendable {
  // Of the decryptor, which reports them itself.
  case secretMemory = 1
  case memoryLocked = 2
  case libcryptoHeap = 3
  case notDumpable = 4
  case noNewPrivileges = 5
  case unprivilegedUser = 6
  case seccomp = 7
  case landlock = 8
  case noCoreFiles = 9
  case noWriteExecute = 10
  case noexecModuleFiles = 11

  // Of the process that runs the modules.
  case processNoWriteExecute = 101
  case moduleLocked = 102
  case moduleNotDumped = 103
  case executeOnlyText = 104
  case ptraceRestricted = 105
  case processNotDumpable = 106
  case processUnprivileged = 107

  // Of the platform that both run on.
  case verifiedRoot = 201
  case noPlainSwap = 202
  case noHibernation = 203
  case memfdNoexec = 204
  case kernelLockdown = 205
  case noKexec = 206
  case physicalMemoryClosed = 207
  case signedKernelModules = 208
  case noCorePipe = 209
  case noSuidDumps = 210
  case hardwareIsolation = 211
  case fusedRootOfTrust = 212

  /// What a protection protects, and who can tell of it.
  public enum Reporter: CaseIterable, Sendable {
    /// The decryptor, which answers for itself (operation 3 of SPEC 8).
    case decryptor
    /// The process that runs the modules.
    case process
    /// The platform, as any process on it can see it.
    case platform

    /// Who reports a number, be it known or not: decryptor below 100, process below 200.
    public init(ofNumber number: UInt64) {
      self = number < 100 ? .decryptor : number < 200 ? .process : .platform
    }

    /// `decryptor`, `process` or `platform`.
    public var name: StaticString {
      switch self {
      case .decryptor: "decryptor"
      case .process: "process"
      case .platform: "platform"
      }
    }
  }

  public var number: UInt64 { rawValue }

  public var reporter: Reporter { Reporter(ofNumber: rawValue) }

  /// The name that SPEC 15.5 gives it, such as `secret-memory`.
  public var name: StaticString {
    switch self {
    case .secretMemory: "secret-memory"
    case .memoryLocked: "memory-locked"
    case .libcryptoHeap: "libcrypto-heap"
    case .notDumpable: "not-dumpable"
    case .noNewPrivileges: "no-new-privileges"
    case .unprivilegedUser: "unprivileged-user"
    case .seccomp: "seccomp"
    case .landlock: "landlock"
    case .noCoreFiles: "no-core-files"
    case .noWriteExecute: "no-write-execute"
    case .noexecModuleFiles: "noexec-module-files"
    case .processNoWriteExecute: "process-no-write-execute"
    case .moduleLocked: "module-locked"
    case .moduleNotDumped: "module-not-dumped"
    case .executeOnlyText: "execute-only-text"
    case .ptraceRestricted: "ptrace-restricted"
    case .processNotDumpable: "process-not-dumpable"
    case .processUnprivileged: "process-unprivileged"
    case .verifiedRoot: "verified-root"
    case .noPlainSwap: "no-plain-swap"
    case .noHibernation: "no-hibernation"
    case .memfdNoexec: "memfd-noexec"
    case .kernelLockdown: "kernel-lockdown"
    case .noKexec: "no-kexec"
    case .physicalMemoryClosed: "physical-memory-closed"
    case .signedKernelModules: "signed-kernel-modules"
    case .noCorePipe: "no-core-pipe"
    case .noSuidDumps: "no-suid-dumps"
    case .hardwareIsolation: "hardware-isolation"
    case .fusedRootOfTrust: "fused-root-of-trust"
    }
  }
}
