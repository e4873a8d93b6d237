public import ModuleELF

/// Examines a module before it is packed: what it would give away about itself, and what would make it unsafe to
/// load.
///
/// - Parameter bytes: the whole shared object.
/// - Throws: an ``ELFError`` if it is not a well-formed shared object.
public func lint(_ bytes: [UInt8]) throws(ELFError) -> LintReport {
  let module = try Module(bytes)
  let rules: [(Module) throws(ELFError) -> [Finding]] = [
    memoryFindings, searchPathFindings, symbolFindings, debugFindings, textFindings, hardeningFindings,
    linkageFindings, identityFindings,
  ]
  var findings: [Finding] = []
  for rule in rules { findings += try rule(module) }
  return LintReport(facts: try ModuleFacts(module), findings: findings)
}

/// What several rules look at, read once.
struct Module {
  let bytes: [UInt8]
  let elf: ELFFile<ArraySource>
  let sections: [SectionHeader]
  /// The symbols that the dynamic linker sees.
  let dynamicSymbols: [Symbol]

  init(_ bytes: [UInt8]) throws(ELFError) {
    self.bytes = bytes
    elf = try ELFFile(ArraySource(bytes))
    sections = try elf.sections()
    dynamicSymbols = try elf.dynamicSymbols()
  }

  /// The file's bytes of a section; none for one without bytes in the file.
  func contents(of section: SectionHeader) throws(ELFError) -> [UInt8] {
    try elf.contents(of: section)
  }
}
