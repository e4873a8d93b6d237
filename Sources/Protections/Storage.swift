import CLinux

extension KernelFiles {
  /// Whether what the root file system holds is verified when it is read.
  func verifiedRoot() throws(UnknownReason) -> Finding {
    guard let mounts = try text(KernelPath("proc/self/mountinfo")) else { throw .noSource }
    var root: Mount?
    for line in mounts[...].parts(separatedBy: UInt8(ascii: "\n")) {
      // The last one covers those before it.
      if let mount = Mount(line), mount.point.is("/") { root = mount }
    }
    guard let root else { throw .unreadable }
    // An initial RAM file system was loaded by whatever started the kernel: nothing here says whether that verified it.
    if root.type.is("rootfs") || root.type.is("tmpfs") || root.type.is("ramfs") { throw .notVisible }
    if root.type.is("overlay") {
      let options = root.superOptions.parts(separatedBy: UInt8(ascii: ","))
      return Finding(options.contains { $0.is("verity=require") }, detail: 2).orInactive
    }
    try requireSys()
    let device = KernelPath("sys/dev/block/").appending(root.device)
    return Finding(try mapping(device) { $0.starts(with: "CRYPT-VERITY-") }, detail: 1).orInactive
  }

  /// Whether memory can reach a disk in plaintext by being swapped out.
  func noPlainSwap() throws(UnknownReason) -> Finding {
    guard let list = try text(KernelPath("proc/swaps")) else {
      // A kernel that can't swap.
      try requireProc()
      return Finding(true)
    }
    var areas: UInt64 = 0
    var plain: UInt64 = 0
    for line in list[...].parts(separatedBy: UInt8(ascii: "\n")).dropFirst() {
      guard let name = line.parts(separatedBy: UInt8(ascii: " ")).first?.parts(separatedBy: UInt8(ascii: "\t")).first
      else { throw .unreadable }
      areas += 1
      if try !isSafeSwap(name) { plain += 1 }
    }
    return plain == 0 ? Finding(true, detail: areas) : Finding(false, detail: plain)
  }

  /// A block device by its kernel's name, else what the path is or lies on.
  private func isSafeSwap(_ name: Text) throws(UnknownReason) -> Bool {
    try requireSys()
    let block = KernelPath("sys/class/block/").appending(name.lastComponent)
    if name.starts(with: "/dev/"), try exists(block) { return try isSafeSwap(block, name.lastComponent) }
    var (major, minor): (UInt32, UInt32) = (0, 0)
    let path = KernelPath(".").appending(name.unescaped)
    guard path.withCString({ linux_probe_device(root, $0, &major, &minor) }) == 0 else { throw .unreadable }
    let device = KernelPath("sys/dev/block/").appending(digits(major)).appending(":").appending(digits(minor))
    return try isEncrypted(device)
  }

  private func isSafeSwap(_ device: KernelPath, _ name: Text) throws(UnknownReason) -> Bool {
    guard name.starts(with: "zram") else { return try isEncrypted(device) }
    // Compressed memory, unless it writes back to a disk.
    let backing = try text(device.appending("/backing_dev")) ?? []
    return backing.isEmpty || backing[...].is("none")
  }

  private func isEncrypted(_ device: KernelPath) throws(UnknownReason) -> Bool {
    try mapping(device) { $0.starts(with: "CRYPT-LUKS") || $0.starts(with: "CRYPT-PLAIN-") }
  }

  /// Whether a device-mapper device, or the only one that it lies on, has a UUID as wanted: its makers begin it with the
  /// kind of mapping.
  private func mapping(_ device: KernelPath, is wanted: (Text) -> Bool) throws(UnknownReason) -> Bool {
    var device = device
    for _ in 0..<8 {
      guard let identifier = try text(device.appending("/dm/uuid")) else { return false }
      if wanted(identifier[...]) { return true }
      var name = [CChar](repeating: 0, count: 256)
      let slaves = device.appending("/slaves")
      guard slaves.withCString({ linux_probe_entries(root, $0, &name, name.count) }) == 1 else { return false }
      device = slaves.appending("/").appending(name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
    }
    return false
  }
}

extension Finding {
  /// The detail tells of what is active only.
  fileprivate var orInactive: Finding { isActive ? self : .inactive }
}

/// A line of `/proc/self/mountinfo`.
private struct Mount {
  /// Numbers of the device, as `8:1`.
  let device: Text
  let point: Text
  let type: Text
  let superOptions: Text

  init?(_ line: Text) {
    let fields = line.parts(separatedBy: UInt8(ascii: " "))
    guard fields.count >= 10, let separator = fields[6...].firstIndex(where: { $0.is("-") }),
      fields.count >= separator + 4
    else { return nil }
    device = fields[2]
    point = fields[4]
    type = fields[separator + 1]
    superOptions = fields[separator + 3]
  }
}
