import ModuleELF

/// How many exported functions a module can have before it looks as if nobody had chosen them.
let deliberateExports = 64

/// The names that a module carries.
func symbolFindings(_ module: Module) throws(ELFError) -> [Finding] {
  try symbolTableFindings(module) + exportFindings(module)
}

private func symbolTableFindings(_ module: Module) throws(ELFError) -> [Finding] {
  guard let symbols = try module.elf.symbolTable() else { return [] }
  let functions = symbols.filter {
    $0.isLocal && $0.isFunction && !$0.name.isEmpty && !toolchainFunctions.contains(Array($0.name))
  }
  let files = symbols.filter { $0.isFile && !$0.name.isEmpty && !$0.name.elementsEqual("crtstuff.c".utf8) }
  return [
    Finding(
      .symbols, .leak, "The symbol table was not stripped",
      explanation: "It names every static function and source file and says where each begins: a map for whoever "
        + "takes the module apart. Nothing needs it at run time.",
      evidence: (functions + files).map { printable($0.name) },
      remedy: "Link with -s, or run strip --strip-all on the module.")
  ]
}

private func exportFindings(_ module: Module) -> [Finding] {
  let exported = module.dynamicSymbols.filter { $0.isExported }
  if exported.isEmpty { return [] }
  let functions = exported.count { $0.isFunction }
  let isTooMany = functions > deliberateExports
  return [
    Finding(
      .exportedSymbols, isTooMany ? .leak : .note,
      "The module exports \(exported.count) symbol\(exported.count == 1 ? "" : "s")",
      explanation: isTooMany
        ? "\(functions) functions are visible, which looks as if everything were: internal names can't be stripped "
          + "then, and each is a way in for a debugger or an interposed library."
        : "These names stay readable in the loaded module, and the firmware can call them.",
      evidence: exported.map { printable($0.name) },
      remedy: "Compile with -fvisibility=hidden and mark what the firmware calls "
        + "__attribute__((visibility(\"default\"))), or link with a version script.")
  ]
}

/// Functions that the C toolchain puts into every object.
private let toolchainFunctions = [
  "deregister_tm_clones", "register_tm_clones", "__do_global_dtors_aux", "frame_dummy", "_init", "_fini",
].map { Array($0.utf8) }
