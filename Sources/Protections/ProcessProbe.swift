import CLinux

/// Measures the protections of this process, as one that runs modules (numbers from 101 in SPEC 15.5).
///
/// Changes nothing in the process. Without a module, what concerns modules is tried on memory of its own.
///
/// - Parameter memory: what is known of the modules that are loaded.
public func measureProcess(_ memory: ModuleMemory = ModuleMemory()) -> [ProtectionFact] {
  let root = linux_open_root()
  defer { close(root) }
  return measureProcess(memory, below: root)
}

/// The same with the `/proc` below another root directory.
///
/// - Parameter root: the directory's descriptor; it stays the caller's.
public func measureProcess(_ memory: ModuleMemory, below root: Int32) -> [ProtectionFact] {
  let files = KernelFiles(root: root)
  let dumpable = linux_get_dumpable()
  return [
    ProtectionFact(.processNoWriteExecute, measured: linux_write_execute_is_refused()),
    ProtectionFact(
      .moduleLocked, memory.locked, of: memory.modules, else: linux_try_lock(sampleSize) == 0 ? 1 : 0,
      detail: UInt64(linux_memory_lock_limit())),
    ProtectionFact(
      .moduleNotDumped, memory.excludedFromDumps, of: memory.modules, else: linux_try_exclude_from_dumps() == 0 ? 1 : 0),
    ProtectionFact(
      .executeOnlyText, memory.executeOnly, of: memory.modules, else: linux_execute_only_is_unreadable()),
    measure(.ptraceRestricted) { () throws(UnknownReason) in
      let scope = try files.setting("proc/sys/kernel/yama/ptrace_scope") ?? 0
      return Finding(scope >= 1, detail: scope)
    },
    ProtectionFact(.processNotDumpable, measured: dumpable == 1 ? 0 : 1, detail: UInt64(max(0, dumpable))),
    ProtectionFact(
      .processUnprivileged, measured: linux_is_unprivileged() == 1 && linux_get_no_new_privileges() == 1 ? 1 : 0,
      detail: UInt64(geteuid())),
  ]
}

/// A module of usual size, in bytes.
private let sampleSize = 1 << 20

extension ProtectionFact {
  /// What is true of all loaded modules, else of a try when none is loaded.
  fileprivate init(
    _ protection: Protection, _ count: Int, of modules: Int, else tried: Int32, detail: UInt64 = 0
  ) {
    self.init(protection, measured: modules > 0 ? (count >= modules ? 1 : 0) : tried, detail: detail)
  }
}
