import CLinux

/// Measures the protections of the platform (numbers from 201 in SPEC 15.5) by what the kernel says of itself.
///
/// Changes nothing. What only root may see is ``ProtectionState/unknown`` for others.
public func measurePlatform() -> [ProtectionFact] {
  let root = linux_open_root()
  defer { close(root) }
  return measurePlatform(below: root)
}

/// The same with the `/proc`, `/sys` and `/dev` below another root directory.
///
/// - Parameter root: the directory's descriptor; it stays the caller's.
public func measurePlatform(below root: Int32) -> [ProtectionFact] {
  let files = KernelFiles(root: root)
  return [
    measure(.verifiedRoot) { () throws(UnknownReason) in try files.verifiedRoot() },
    measure(.noPlainSwap) { () throws(UnknownReason) in try files.noPlainSwap() },
    measure(.noHibernation) { () throws(UnknownReason) in try files.noHibernation() },
    measure(.memfdNoexec) { () throws(UnknownReason) in
      let level = try files.setting("proc/sys/vm/memfd_noexec") ?? 0
      return Finding(level >= 1, detail: level)
    },
    measure(.kernelLockdown) { () throws(UnknownReason) in
      let level = try files.lockdown()
      return Finding(level == .confidentiality, detail: level.rawValue)
    },
    measure(.noKexec) { () throws(UnknownReason) in try files.noKexec() },
    measure(.physicalMemoryClosed) { () throws(UnknownReason) in try files.physicalMemoryClosed() },
    measure(.signedKernelModules) { () throws(UnknownReason) in try files.signedKernelModules() },
    measure(.noCorePipe) { () throws(UnknownReason) in try files.noCorePipe() },
    measure(.noSuidDumps) { () throws(UnknownReason) in
      let value = try files.setting("proc/sys/fs/suid_dumpable") ?? 0
      return Finding(value != 1, detail: value)
    },
    // Said, not measured: this version runs on no platform that has them.
    ProtectionFact(.hardwareIsolation, .inactive),
    ProtectionFact(.fusedRootOfTrust, .inactive),
  ]
}

/// What a measurement found.
struct Finding {
  let isActive: Bool
  let detail: UInt64

  init(_ isActive: Bool, detail: UInt64 = 0) {
    self.isActive = isActive
    self.detail = detail
  }

  static func active(_ way: Way) -> Finding { Finding(true, detail: way.rawValue) }
  static var inactive: Finding { Finding(false) }

  /// How the kernel keeps root from something.
  enum Way: UInt64 {
    /// It isn't built in.
    case absent = 1
    /// It is turned off for good.
    case turnedOff = 2
    /// The kernel is locked down.
    case lockdown = 3
    /// It takes a valid signature.
    case signature = 4
  }
}

func measure(_ protection: Protection, _ body: () throws(UnknownReason) -> Finding) -> ProtectionFact {
  do throws(UnknownReason) {
    let finding = try body()
    return ProtectionFact(protection, finding.isActive ? .active : .inactive, detail: finding.detail)
  } catch {
    return ProtectionFact(protection, unknown: error)
  }
}

extension KernelFiles {
  fileprivate func noHibernation() throws(UnknownReason) -> Finding {
    guard let modes = try text(KernelPath("sys/power/disk")) else {
      try requireSys()
      return .active(.absent)
    }
    return modes[...].contains("[disabled]") ? .active(.turnedOff) : .inactive
  }

  fileprivate enum Lockdown: UInt64 {
    case none = 0
    case integrity = 1
    case confidentiality = 2
  }

  fileprivate func lockdown() throws(UnknownReason) -> Lockdown {
    guard let levels = try text(KernelPath("sys/kernel/security/lockdown")) else {
      guard try exists(KernelPath("sys/kernel/security/lsm")) else { throw .noSource }
      return .none
    }
    if levels[...].contains("[confidentiality]") { return .confidentiality }
    if levels[...].contains("[integrity]") { return .integrity }
    guard levels[...].contains("[none]") else { throw .unreadable }
    return .none
  }

  /// Whether the kernel is known to take only signed code from root.
  private var isLockedDown: Bool {
    do throws(UnknownReason) {
      return try lockdown() != .none
    } catch {
      return false
    }
  }

  fileprivate func noKexec() throws(UnknownReason) -> Finding {
    guard let value = try setting("proc/sys/kernel/kexec_load_disabled") else { return .active(.absent) }
    if value == 1 { return .active(.turnedOff) }
    return isLockedDown ? .active(.lockdown) : .inactive
  }

  fileprivate func signedKernelModules() throws(UnknownReason) -> Finding {
    try requireProc()
    guard try exists(KernelPath("proc/modules")) else { return .active(.absent) }
    if try setting("proc/sys/kernel/modules_disabled") == 1 { return .active(.turnedOff) }
    if isLockedDown { return .active(.lockdown) }
    try requireSys()
    let isEnforced = try text(KernelPath("sys/module/module/parameters/sig_enforce")) ?? []
    return isEnforced[...].is("Y") ? .active(.signature) : .inactive
  }

  fileprivate func noCorePipe() throws(UnknownReason) -> Finding {
    guard let pattern = try text(KernelPath("proc/sys/kernel/core_pattern")) else {
      try requireProc()
      return .active(.absent)
    }
    // To a program, or to a socket: the limit doesn't apply.
    return Finding(pattern.first != UInt8(ascii: "|") && pattern.first != UInt8(ascii: "@"))
  }
}
