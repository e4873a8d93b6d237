import Foundation
import ModuleLint
import Testing

@Suite("Lint reports")
struct LintReportTests {
  @Test("system libraries have no dangerous findings", arguments: AgreementTests.libraries)
  func systemLibraries(name: String) throws {
    let report = try lint(Toolchain.systemLibrary(name))
    #expect(report.findings.filter { $0.severity == .danger } == [])
    #expect(!report.isDangerous)
    #expect(report.facts.soname == name)
    #expect(report.findings.contains { $0.rule == .systemSoname })
    #expect(!report.findings.contains { $0.rule == .symbols || $0.rule == .debugInfo })
  }

  @Test("findings come worst first, then in the order of the rules")
  func order() throws {
    let report = try lint(
      Toolchain.build(
        Samples.source, ["-shared", "-fPIC", "-g", "-Wl,-z,execstack,-z,norelro", "-Wl,-rpath,/opt/x"]))
    #expect(report.findings.map(\.severity) == report.findings.map(\.severity).sorted())
    #expect(report.findings.prefix(3).map(\.rule) == [.executableStack, .searchPath, .symbols])
    #expect(report.isDangerous)
  }

  @Test("the JSON form can be read back and uses the stable ids")
  func json() throws {
    let report = try lint(Samples.rich())
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(LintReport.self, from: data) == report)
    #expect(text(data).contains("\"rule\":\"debug-info\""))
    #expect(text(data).contains("\"severity\":\"leak\""))
  }

  @Test("the ids are stable")
  func ids() {
    #expect(
      Rule.allCases.map(\.rawValue) == [
        "writable-code", "executable-stack", "text-relocations", "search-path", "symbols", "debug-info", "build-paths",
        "source-names", "exported-symbols", "no-relro", "no-bind-now", "needed-libraries", "no-soname",
        "system-soname", "constructors", "no-stack-protector", "no-control-flow-protection",
        "compiler-identification", "build-id", "small-pages",
      ])
  }

  @Test("names that could drive a terminal are escaped")
  func escapes() throws {
    let object = try Toolchain.build(Samples.source, Samples.cleanFlags + ["-Wl,-soname,\u{1B}[2Jx.so"])
    #expect(try lint(object).facts.soname == "\\x1b[2Jx.so")
  }

  @Test("compressed debug information is found")
  func compressed() throws {
    let object = try Toolchain.build(Samples.source, ["-shared", "-fPIC", "-g", "-gz"])
    #expect(try lint(object).findings.contains { $0.rule == .debugInfo })
  }

  @Test("a stripped module loses its symbols and debug information")
  func stripped() throws {
    let rich = try Samples.rich()
    let rules = try lint(rich).findings.map(\.rule)
    #expect(rules.contains(.symbols) && rules.contains(.debugInfo))
    let after = try lint(Toolchain.rewrite(rich, "strip", ["--strip-all"])).findings.map(\.rule)
    #expect(!after.contains(.symbols) && !after.contains(.debugInfo))
    #expect(after.contains(.buildPaths))
  }

  @Test("strings are found without section headers too")
  func withoutSections() throws {
    let report = try lint(Samples.rich().withoutSections)
    #expect(report.findings.first { $0.rule == .buildPaths }?.evidence.contains("/home/someone/probe.c") == true)
  }
}
