import ModuleELF

/// What would leave memory both writable and executable, or couldn't be mapped.
func memoryFindings(_ module: Module) throws(ELFError) -> [Finding] {
  var findings: [Finding] = []
  let writableCode = module.elf.loadSegments.filter { $0.isWritable && $0.isExecutable }
  if !writableCode.isEmpty {
    findings.append(
      Finding(
        .writableCode, .danger, "A segment is both writable and executable",
        explanation: "One stray write into it becomes code that runs with the firmware's rights, and systems that "
          + "forbid such memory refuse to load the module.",
        evidence: writableCode.map {
          "\($0.memorySize) bytes at 0x" + String($0.address, radix: 16)
        },
        remedy: "Link without -N/--omagic, and take the \"w\" or the \"x\" off sections in assembly and linker scripts."
      ))
  }

  let stack = module.elf.programHeaders.first { $0.type == SegmentType.gnuStack }
  if stack?.isExecutable ?? true {
    findings.append(
      Finding(
        .executableStack, .danger, "The module asks for an executable stack",
        explanation: "Loading it makes the stack of every thread of the process executable, so that any overflow in "
          + "any library can run code; newer C libraries refuse to load such a module.",
        evidence: [stack == nil ? "there is no PT_GNU_STACK header" : "PT_GNU_STACK has the execute flag"],
        remedy: "Link with -Wl,-z,noexecstack, and end assembly files with .section .note.GNU-stack,\"\",@progbits."))
  }

  if module.elf.hasTextRelocations {
    findings.append(
      Finding(
        .textRelocations, .danger, "Loading the module rewrites its code",
        explanation: "Code that isn't position-independent is made writable while it is loaded, and its pages become "
          + "private memory; systems that forbid writable code refuse it.",
        evidence: ["DT_TEXTREL is set"],
        remedy: "Compile every object with -fPIC and link with -Wl,-z,text, which names what isn't."))
  }
  return findings + pageFindings(module)
}

/// Arm's kernels choose their page size when they are built: 4, 16 or 64 KiB.
private func pageFindings(_ module: Module) -> [Finding] {
  let largest: UInt64 = 65536
  guard module.elf.machine == .aarch64, let alignment = module.elf.loadSegments.map(\.alignment).min(),
    alignment < largest
  else { return [] }
  return [
    Finding(
      .smallPages, .note, "The module doesn't load where memory pages are larger",
      explanation: "Kernels for 64-bit Arm have pages of 4, 16 or 64 KiB. A segment can't begin within a page.",
      evidence: ["segments are aligned to \(alignment) bytes"],
      remedy: "Link with -Wl,-z,max-page-size=65536 unless all devices have smaller pages.")
  ]
}
