import ModuleELF

/// What the module's strings tell about where it was built.
func textFindings(_ module: Module) throws(ELFError) -> [Finding] {
  var scanner = PathScanner()
  for text in try texts(module) { scanner.scan(text) }

  var findings: [Finding] = []
  if !scanner.buildPaths.items.isEmpty {
    findings.append(
      Finding(
        .buildPaths, .leak, "Strings name paths of the build machine",
        explanation: "Paths give away user names, project names and how the source is laid out; assertions and log "
          + "messages are the usual way in.",
        evidence: scanner.buildPaths.items,
        remedy: "Compile with -ffile-prefix-map=$PWD=. (rustc: --remap-path-prefix; swiftc: -file-prefix-map) and "
          + "-DNDEBUG."))
  }
  if !scanner.sourceNames.items.isEmpty {
    findings.append(
      Finding(
        .sourceNames, .leak, "Strings name source files",
        explanation: "File names tell what the parts of the module do and which code they came from.",
        evidence: scanner.sourceNames.items,
        remedy: "Compile with -DNDEBUG, and keep __FILE__ and #file out of release builds."))
  }
  return findings
}

/// Where strings are: loaded data, and what debuggers read. Code, names of symbols and unwinding tables, which
/// look like text only by chance or are looked at elsewhere, are left out.
private func texts(_ module: Module) throws(ELFError) -> [[UInt8]] {
  var texts: [[UInt8]] = []
  if module.sections.isEmpty {
    for segment in module.elf.loadSegments {
      // The segments were checked to lie within the file.
      texts.append(Array(module.bytes[Int(segment.offset)..<Int(segment.offset + segment.fileSize)]))
    }
  }
  for section in module.sections where !section.isCompressed {
    let isData =
      section.type == SectionType.progBits && section.isLoaded && !section.isCode
      && !section.name.starts(with: ".eh_frame".utf8)
    if isData || isDebugSection(section.name) { texts.append(try module.contents(of: section)) }
  }
  return texts
}
