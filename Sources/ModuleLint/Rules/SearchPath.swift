import ModuleELF

/// RPATH and RUNPATH: where the dynamic linker looks for what the module needs.
func searchPathFindings(_ module: Module) throws(ELFError) -> [Finding] {
  var directories: [[UInt8]] = []
  for path in [try module.elf.rpath(), try module.elf.runpath()] {
    guard let path else { continue }
    directories += path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { Array($0) }
  }
  if directories.isEmpty { return [] }
  let foreign = directories.filter { !isSystemDirectory($0) }
  let remedy = "Link without -rpath, or remove it with chrpath -d or patchelf --remove-rpath."
  if foreign.isEmpty {
    return [
      Finding(
        .searchPath, .weakness, "The module brings a library search path",
        explanation: "The directories are the system's own, but the path still overrides the order in which the "
          + "device is set up to look for libraries.",
        evidence: directories.map { printable($0) }, remedy: remedy)
    ]
  }
  return [
    Finding(
      .searchPath, .danger, "The module looks for libraries outside the system's directories",
      explanation: "Whoever can write to such a directory on a device runs code inside the firmware. An empty or "
        + "relative entry depends on the working directory, and $ORIGIN has no meaning for a module that is loaded "
        + "from memory.",
      evidence: foreign.map { $0.isEmpty ? "(empty: the working directory)" : printable($0) }, remedy: remedy)
  ]
}

private let systemDirectories = [
  "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64",
].map { Array($0.utf8) }

/// Whether a directory is one of the system's or inside one, without a way out of it.
private func isSystemDirectory(_ directory: [UInt8]) -> Bool {
  let slash = UInt8(ascii: "/")
  if directory.contains(UInt8(ascii: "$")) { return false }
  if directory.split(separator: slash).contains(where: { $0.elementsEqual("..".utf8) }) { return false }
  return systemDirectories.contains { directory == $0 || directory.starts(with: $0 + [slash]) }
}
