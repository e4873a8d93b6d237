import ModuleELF

/// What tells one build from another.
func identityFindings(_ module: Module) throws(ELFError) -> [Finding] {
  var findings: [Finding] = []
  let comments = module.sections.filter { $0.name.elementsEqual(".comment".utf8) }
  var identifiers: [String] = []
  for section in comments {
    identifiers += try module.contents(of: section).split(separator: 0).map { printable($0) }
  }
  if !identifiers.isEmpty {
    findings.append(
      Finding(
        .compilerIdentification, .note, "The module names its compiler",
        explanation: "The exact version helps to recognise code that the compiler or a known library brought along.",
        evidence: identifiers,
        remedy: "Compile with -fno-ident, or run strip --remove-section=.comment."))
  }
  if let buildID = try module.elf.buildID() {
    findings.append(
      Finding(
        .buildID, .note, "The module has a build id",
        explanation: "It identifies the exact build, which helps to find its debug information again. It is inside "
          + "the encrypted payload, and so visible only to those who can read the module.",
        evidence: [hexadecimal(buildID)],
        remedy: "None is needed; link with -Wl,--build-id=none to leave it out."))
  }
  return findings
}
