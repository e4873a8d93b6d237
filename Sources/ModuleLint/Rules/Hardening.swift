import ModuleELF

/// Protections that the toolchain offers and the module doesn't have.
func hardeningFindings(_ module: Module) throws(ELFError) -> [Finding] {
  var findings: [Finding] = []
  if !module.elf.programHeaders.contains(where: { $0.type == SegmentType.gnuRelro }) {
    findings.append(
      Finding(
        .noRelro, .weakness, "Relocated data stays writable",
        explanation: "Without RELRO, an attacker with one stray write can redirect calls through the module's tables "
          + "of addresses.",
        remedy: "Link with -Wl,-z,relro."))
  }
  if !module.elf.bindsNow {
    findings.append(
      Finding(
        .noBindNow, .weakness, "The table of imported functions stays writable",
        explanation: "Husk binds all symbols at load anyway, but the table can be made read-only afterwards only if "
          + "the module was linked for it.",
        remedy: "Link with -Wl,-z,now."))
  }
  let stackCheck = Array("__stack_chk_fail".utf8)
  if !module.dynamicSymbols.contains(where: { $0.name.elementsEqual(stackCheck) }) {
    findings.append(
      Finding(
        .noStackProtector, .note, "No function checks its stack frame",
        explanation: "Overflows of local buffers go unnoticed. A module without such buffers has nothing to check.",
        remedy: "Compile with -fstack-protector-strong."))
  }
  return try findings + controlFlowFindings(module)
}

private func controlFlowFindings(_ module: Module) throws(ELFError) -> [Finding] {
  let protection = try module.elf.controlFlowProtection()
  var missing: [String] = []
  var remedy: String
  switch module.elf.machine {
  case .x86_64:
    if !protection.indirectBranchTracking { missing.append("IBT (indirect branch tracking)") }
    if !protection.shadowStack { missing.append("SHSTK (shadow stack)") }
    remedy = "Compile every object with -fcf-protection=full, the start-up files and static libraries included."
  case .aarch64:
    if !protection.branchTargetIdentification { missing.append("BTI (branch target identification)") }
    if !protection.pointerAuthentication { missing.append("PAC (signed return addresses)") }
    // Debian 12's start-up files are such ones.
    remedy =
      "Compile every object with -mbranch-protection=standard, static libraries included. If the toolchain's start-up "
      + "files aren't ready, a module without constructors needs none: link with -nostartfiles."
  }
  if missing.isEmpty { return [] }
  return [
    Finding(
      .noControlFlowProtection, .note, "Not all code is ready for the processor's control-flow checks",
      explanation: "Processors that can check jumps and returns leave the check off for this module, or for the code "
        + "that isn't ready, and some systems for the whole process.",
      evidence: missing, remedy: remedy)
  ]
}
