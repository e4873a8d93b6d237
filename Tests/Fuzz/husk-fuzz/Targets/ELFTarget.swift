import ModuleELF
import ModuleLint

extension FuzzTarget {
  /// The ELF reader and what looks at modules with it.
  static let elf = FuzzTarget(name: "elf", isCBOR: false) { bytes in
    _ = attempt { () throws(ELFError) in try lint(bytes) }
    guard let file = attempt({ () throws(ELFError) in try ELFFile(ArraySource(bytes)) }) else { return true }
    let soname = attempt { () throws(ELFError) in try file.soname() }
    if let name = soname ?? nil { expect(!name.contains(0), "a name goes beyond its end") }
    _ = attempt { () throws(ELFError) in try file.needed() }
    _ = attempt { () throws(ELFError) in try file.rpath() }
    _ = attempt { () throws(ELFError) in try file.runpath() }
    _ = attempt { () throws(ELFError) in try file.notes() }
    _ = attempt { () throws(ELFError) in try file.buildID() }
    _ = attempt { () throws(ELFError) in try file.controlFlowProtection() }
    _ = attempt { () throws(ELFError) in try file.dynamicSymbols() }
    _ = attempt { () throws(ELFError) in try file.symbolTable() }
    for section in attempt({ () throws(ELFError) in try file.sections() }) ?? [] {
      let content = attempt { () throws(ELFError) in try file.contents(of: section) }
      expect((content ?? []).count <= bytes.count, "a section holds more than the file")
    }
    return true
  } seeds: { _ in
    // They lie in Corpora/elf.
    []
  }
}
