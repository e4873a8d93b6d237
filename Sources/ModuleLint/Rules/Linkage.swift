import ModuleELF

/// How the module joins the process that loads it.
func linkageFindings(_ module: Module) throws(ELFError) -> [Finding] {
  try neededFindings(module) + sonameFindings(module) + constructorFindings(module)
}

private func neededFindings(_ module: Module) throws(ELFError) -> [Finding] {
  let needed = try module.elf.needed()
  if needed.isEmpty { return [] }
  return [
    Finding(
      .neededLibraries, .note,
      "The module needs \(needed.count) \(needed.count == 1 ? "library" : "libraries") on the device",
      explanation: "They are loaded from the device's file system in the clear, and the module doesn't load where "
        + "one is missing.",
      evidence: needed.map { printable($0) },
      remedy: "Link libraries that only this module uses statically; -Wl,--as-needed drops those that it doesn't use.")
  ]
}

private func sonameFindings(_ module: Module) throws(ELFError) -> [Finding] {
  guard let soname = try module.elf.soname() else {
    return [
      Finding(
        .noSoname, .note, "The module has no SONAME",
        explanation: "Husk doesn't need one. Programs that link against the module in development record its path "
          + "instead of its name.",
        remedy: "Link with -Wl,-soname,NAME.")
    ]
  }
  if !isSystemLibrary(soname) { return [] }
  return [
    Finding(
      .systemSoname, .note, "The module bears the name of a common system library",
      explanation: "Once it is loaded, the dynamic linker takes it for that library whenever another one needs it. "
        + "Husk refuses it on devices that have the library, unless the firmware allows exactly this name.",
      evidence: [printable(soname)],
      remedy: "Link with another -Wl,-soname, or load it with husk_load_options.allow_soname set.")
  ]
}

private func constructorFindings(_ module: Module) -> [Finding] {
  let count = (module.elf.dynamicTable[.initArraySize] ?? 0) / 8
  if module.elf.dynamicTable[.initArray] == nil || count == 0 { return [] }
  return [
    Finding(
      .constructors, .note, "Code of the module runs while it is loaded",
      explanation: "Constructors run before the firmware has called anything. One is usually the C toolchain's own.",
      evidence: ["\(count) constructor\(count == 1 ? "" : "s")"],
      remedy: "Replace __attribute__((constructor)) and global C++ objects by a function that the firmware calls.")
  ]
}

/// What such a library is called before `.so`.
private let systemLibraries = [
  "libc", "libm", "libdl", "librt", "libpthread", "libutil", "libresolv", "libanl", "libnsl", "libmvec",
  "libgcc_s", "libstdc++", "libc++", "libc++abi", "libunwind", "libatomic", "libgomp", "libquadmath", "libffi",
  "libcrypto", "libssl", "libgnutls", "libz", "liblz4", "liblzma", "libzstd", "libbz2", "libsqlite3", "libcurl",
  "libxml2", "libexpat", "libsystemd", "libudev", "libselinux", "libcap", "libseccomp", "libasound", "libpulse",
  "libusb-1.0", "libglib-2.0", "ld-linux", "ld-linux-x86-64", "ld-linux-aarch64", "ld-musl-x86_64",
  "ld-musl-aarch64", "linux-vdso",
].map { Array($0.utf8) }

private func isSystemLibrary(_ soname: [UInt8]) -> Bool {
  systemLibraries.contains { soname.starts(with: $0 + Array(".so".utf8)) }
}
