import CLinux

extension KernelFiles {
  /// Whether root can read the machine's memory through `/dev/mem` or `/proc/kcore`: tried, on one byte.
  func physicalMemoryClosed() throws(UnknownReason) -> Finding {
    var doubt: UnknownReason?
    let devices = attempt(&doubt) { () throws(UnknownReason) in try isDeviceOpen() }
    let core = attempt(&doubt) { () throws(UnknownReason) in try isCoreOpen() }
    if devices || core { return Finding(false, detail: (devices ? 1 : 0) | (core ? 2 : 0)) }
    if let doubt { throw doubt }
    return Finding(true)
  }

  private func attempt(_ doubt: inout UnknownReason?, _ body: () throws(UnknownReason) -> Bool) -> Bool {
    do throws(UnknownReason) {
      return try body()
    } catch {
      doubt = error
      return false
    }
  }

  private func isDeviceOpen() throws(UnknownReason) -> Bool {
    try requireSys()
    guard try exists(KernelPath("sys/class/mem/mem")) else { return false }
    // The kernel has it. Without a node, root could still make one.
    guard try exists(KernelPath("dev/mem")) else { throw .notVisible }
    try requireRawAccess()
    return try isReadable(KernelPath("dev/mem"), at: try someMemory())
  }

  private func isCoreOpen() throws(UnknownReason) -> Bool {
    try requireProc()
    guard try exists(KernelPath("proc/kcore")) else { return false }
    try requireRawAccess()
    return try isReadable(KernelPath("proc/kcore"), at: 0)
  }

  /// A refusal says something only to a process that would otherwise be let through.
  private func requireRawAccess() throws(UnknownReason) {
    guard linux_has_capability(CAP_SYS_RAWIO) == 1 else { throw .noPermission }
  }

  /// An address of ordinary memory, which the first megabyte isn't.
  private func someMemory() throws(UnknownReason) -> UInt64 {
    guard let ranges = try text(KernelPath("proc/iomem")) else { throw .noSource }
    for line in ranges[...].parts(separatedBy: UInt8(ascii: "\n")) where line.contains(" : System RAM") {
      let start = hexadecimal(line.prefix { $0 != UInt8(ascii: "-") })
      if let start, start >= 1 << 20 { return start }
    }
    throw .unreadable
  }
}
