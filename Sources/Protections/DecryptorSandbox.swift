import CLinux

/// Enters the decryptor's sandbox (SPEC 7.5) for good, and tells what of it is in force: the facts with numbers below
/// 100 of SPEC 15.5.
///
/// The process gives up everything that answering requests doesn't need. Each step is taken even if one before it failed:
/// it is for the caller to go on only if what it needs is ``ProtectionState/active``; see ``isSandboxComplete(_:)``.
///
/// - Parameters:
///   - libcryptoHeap: where libcrypto's heap lies, which is decided before libcrypto is first used.
///   - lockMemory: locks memory; 0 or an error. All of the process's, as far as the limit allows; where it doesn't, secrets
///     still lie in memory of their own.
public func enterDecryptorSandbox(
  libcryptoHeap: ProtectionFact, lockMemory: () -> Int32
) -> [ProtectionFact] {
  // Of what holds keys already, and of what is to come.
  let shortfall = secret_memory_shortfall()
  let secretMemory = shortfall != 0 ? shortfall : linux_try_secret_memory()
  let moduleFiles = linux_try_noexec_memory_file()
  _ = linux_forbid_core_files()
  let lock = lockMemory()
  _ = linux_no_new_privileges()
  let landlock = enterLandlock()
  // What takes system calls that the filter doesn't allow comes before it.
  let dumpable = linux_get_dumpable()
  let noNewPrivileges = linux_get_no_new_privileges()
  let isUnprivileged = linux_is_unprivileged()
  let user = UInt64(geteuid())
  let coreFiles = linux_core_files_are_forbidden()
  let writeExecute = linux_write_execute_is_refused()
  let filter = linux_seccomp_decryptor() == 0 ? 0 : linux_errno()
  return [
    ProtectionFact(.secretMemory, tried: secretMemory),
    ProtectionFact(.memoryLocked, tried: lock),
    libcryptoHeap,
    ProtectionFact(.notDumpable, measured: dumpable == 0 ? 1 : 0, detail: UInt64(max(0, dumpable))),
    ProtectionFact(.noNewPrivileges, measured: noNewPrivileges),
    ProtectionFact(.unprivilegedUser, measured: isUnprivileged, detail: user),
    ProtectionFact(.seccomp, tried: filter),
    landlock,
    ProtectionFact(.noCoreFiles, measured: coreFiles),
    ProtectionFact(.noWriteExecute, measured: writeExecute),
    ProtectionFact(.noexecModuleFiles, tried: moduleFiles),
  ]
}

/// Whether the decryptor may serve: what no supported kernel lacks is in force, and Landlock unless the kernel has none.
public func isSandboxComplete(_ facts: [ProtectionFact]) -> Bool {
  for fact in facts {
    switch fact.protection {
    case .notDumpable, .noNewPrivileges, .seccomp, .noCoreFiles:
      guard fact.state == .active else { return false }
    case .landlock:
      guard fact.state == .active || fact.detail == ENOSYS || fact.detail == EOPNOTSUPP else { return false }
    default: continue
    }
  }
  return true
}

/// Enters a Landlock domain without rights, and tries whether it holds.
private func enterLandlock() -> ProtectionFact {
  switch linux_landlock_deny_all() {
  case 0 where linux_files_are_out_of_reach() == 1:
    // Asked again: the kernel tells its version inside a domain too.
    ProtectionFact(.landlock, .active, detail: UInt64(linux_landlock_version()))
  case 0: ProtectionFact(.landlock, .inactive)
  default: ProtectionFact(.landlock, tried: linux_errno())
  }
}

extension ProtectionFact {
  /// - Parameter error: what a try came to: 0, or the error that it met.
  init(_ protection: Protection, tried error: Int32) {
    self.init(protection, error == 0 ? .active : .inactive, detail: UInt64(UInt32(bitPattern: error)))
  }

  /// - Parameter answer: 1 for active, 0 for inactive, anything else if it can't be told.
  init(_ protection: Protection, measured answer: Int32, detail: UInt64 = 0) {
    switch answer {
    case 1: self.init(protection, .active, detail: detail)
    case 0: self.init(protection, .inactive, detail: detail)
    default: self.init(protection, unknown: .unreadable)
    }
  }
}
