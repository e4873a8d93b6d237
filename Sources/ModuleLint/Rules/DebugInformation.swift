import ModuleELF

/// Sections that are there for debuggers only.
func debugFindings(_ module: Module) throws(ELFError) -> [Finding] {
  let sections = module.sections.filter { isDebugSection($0.name) }
  if sections.isEmpty { return [] }
  return [
    Finding(
      .debugInfo, .leak, "The module carries debug information",
      explanation: "It describes functions, variables, types and source lines: nearly the source code itself.",
      evidence: sections.map { printable($0.name) },
      remedy: "Run strip --strip-debug, or build without -g; objcopy --only-keep-debug saves a copy to keep at home.")
  ]
}

/// `.gnu_debugdata` is a compressed symbol table; `.stab` the format before DWARF.
private let debugSections = [".debug_", ".zdebug_", ".gnu_debugdata", ".gdb_index", ".stab"].map { Array($0.utf8) }

func isDebugSection(_ name: [UInt8]) -> Bool {
  debugSections.contains { name.starts(with: $0) }
}
