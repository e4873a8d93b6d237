import Foundation
import ModuleLint
import Testing

/// One change to the clean module, and what lint says of it that it doesn't say of the clean one.
struct Change: CustomTestStringConvertible, Sendable {
  let name: String
  /// What the rule must find; nil where the change takes away a finding or changes nothing.
  let rule: Rule?
  let severity: Severity
  var removesFlags: [String] = []
  var addsFlags: [String] = []
  /// C that is added to the clean module's.
  var source = ""
  /// A part of one piece of evidence.
  var evidence: String? = nil
  /// Other rules that the same change can't but bring or take.
  var alsoChanges: Set<Rule> = []

  var testDescription: String { name }
}

@Suite("Every lint rule finds what it is for, and only that")
struct LintRuleTests {
  /// What is left to say of the clean module.
  static let cleanRules: Set<Rule> = [.exportedSymbols, .neededLibraries]

  static let changes: [Change] = [
    Change(
      name: "code and data in one section", rule: .writableCode, severity: .danger,
      addsFlags: ["-Wl,--no-warn-rwx-segments"],
      source: "__asm__(\".section .wild,\\\"awx\\\",@progbits\\n.byte 0xc3\\n.text\\n\");"),
    Change(
      name: "executable stack", rule: .executableStack, severity: .danger, addsFlags: ["-Wl,-z,execstack"],
      evidence: "execute flag"),
    Change(
      name: "code that isn't position-independent", rule: .textRelocations, severity: .danger,
      removesFlags: ["-fPIC"], addsFlags: ["-fno-pic", "-mcmodel=large", "-Wl,-z,notext"]),
    Change(
      name: "search path outside the system", rule: .searchPath, severity: .danger,
      addsFlags: ["-Wl,-rpath,/usr/lib:/opt/acme/lib"], evidence: "/opt/acme/lib"),
    Change(
      name: "search path by the old tag", rule: .searchPath, severity: .danger,
      addsFlags: ["-Wl,--disable-new-dtags,-rpath,/opt/acme/lib"], evidence: "/opt/acme/lib"),
    Change(
      name: "search path beside the module", rule: .searchPath, severity: .danger, addsFlags: ["-Wl,-rpath,$ORIGIN"],
      evidence: "$ORIGIN"),
    Change(
      name: "relative search path", rule: .searchPath, severity: .danger, addsFlags: ["-Wl,-rpath,lib"],
      evidence: "lib"),
    Change(
      name: "empty entry in the search path", rule: .searchPath, severity: .danger,
      addsFlags: ["-Wl,-rpath,/usr/lib:"], evidence: "working directory"),
    Change(
      name: "search path that leaves the system's directories", rule: .searchPath, severity: .danger,
      addsFlags: ["-Wl,-rpath,/usr/lib/../../tmp"], evidence: "/usr/lib/../../tmp"),
    Change(
      name: "search path of the system", rule: .searchPath, severity: .weakness,
      addsFlags: ["-Wl,-rpath,/usr/lib/acme"], evidence: "/usr/lib/acme"),
    Change(
      name: "symbol table", rule: .symbols, severity: .leak, removesFlags: ["-s"],
      source: "__attribute__((used)) static int secret_step(int x) { return x * 7; }", evidence: "secret_step"),
    Change(
      name: "debug information", rule: .debugInfo, severity: .leak, removesFlags: ["-s"], addsFlags: ["-g"],
      evidence: ".debug_info", alsoChanges: [.symbols, .buildPaths]),
    Change(
      name: "path of a build", rule: .buildPaths, severity: .leak,
      source: "__attribute__((visibility(\"default\"))) const char *place(void) "
        + "{ return \"failed at /home/ada/codec/band.c:12\"; }",
      evidence: "/home/ada/codec/band.c"),
    Change(
      name: "path of a build on Windows", rule: .buildPaths, severity: .leak,
      source: "__attribute__((visibility(\"default\"))) const char *place(void) "
        + "{ return \"in C:\\\\src\\\\codec\"; }",
      evidence: "C:\\src\\codec"),
    Change(
      name: "path of a source file outside the usual places", rule: .buildPaths, severity: .leak,
      source: "__attribute__((visibility(\"default\"))) const char *place(void) { return \"/srv/ci/band.rs\"; }",
      evidence: "/srv/ci/band.rs"),
    Change(
      name: "names of source files", rule: .sourceNames, severity: .leak,
      source: "__attribute__((visibility(\"default\"))) const char *place(void) "
        + "{ return \"src/band.cpp:12: bad band\"; }",
      evidence: "src/band.cpp"),
    Change(
      name: "paths and names that programs use", rule: nil, severity: .note,
      source: "__attribute__((visibility(\"default\"))) const char *place(void) "
        + "{ return \"/etc/acme.conf /usr/lib/x.so.1 /dev/urandom \""
        + "\"https://acme.example/home/x %s.csv v1.2.c3 /home/\"; }"
    ),
    Change(
      name: "no RELRO", rule: .noRelro, severity: .weakness, addsFlags: ["-Wl,-z,norelro"]),
    Change(
      name: "lazy binding", rule: .noBindNow, severity: .weakness, addsFlags: ["-Wl,-z,lazy"]),
    Change(
      name: "no SONAME", rule: .noSoname, severity: .note, removesFlags: ["-Wl,-soname,libprobe.so"]),
    Change(
      name: "a system library's SONAME", rule: .systemSoname, severity: .note,
      addsFlags: ["-Wl,-soname,libcrypto.so.3"], evidence: "libcrypto.so.3"),
    Change(
      name: "a SONAME that only begins like a system library's", rule: nil, severity: .note,
      addsFlags: ["-Wl,-soname,libcryptonite.so.3"]),
    Change(
      name: "constructor", rule: .constructors, severity: .note,
      source: "static volatile int started; __attribute__((constructor)) static void start(void) { started = 1; }",
      evidence: "1 constructor"),
    Change(
      name: "no stack protector", rule: .noStackProtector, severity: .note,
      addsFlags: ["-fno-stack-protector", "-Wl,--no-as-needed"]),
    Change(
      name: "code not compiled for control-flow checks", rule: .noControlFlowProtection, severity: .note,
      removesFlags: ["-fcf-protection=full", "-Wl,-z,ibt,-z,shstk"], evidence: "IBT"),
    Change(
      name: "compiler identification", rule: .compilerIdentification, severity: .note, removesFlags: ["-fno-ident"],
      evidence: "GCC"),
    Change(
      name: "build id", rule: .buildID, severity: .note, addsFlags: ["-Wl,--build-id=0x0123abcd"],
      evidence: "0123abcd"),
  ]

  @Test("of the clean module there is little to say")
  func clean() throws {
    let report = try lint(Toolchain.build(Samples.source, Samples.cleanFlags))
    #expect(Set(report.findings.map(\.rule)) == Self.cleanRules)
    #expect(report.findings.allSatisfy { $0.severity == .note })
    #expect(!report.isDangerous)
    #expect(report.findings.first { $0.rule == .exportedSymbols }?.evidence == ["probe"])
    #expect(report.findings.first { $0.rule == .neededLibraries }?.evidence == ["libc.so.6"])
    #expect(report.facts.machine == "x86_64")
    #expect(report.facts.soname == "libprobe.so")
    #expect(report.facts.needed == ["libc.so.6"])
    #expect(report.facts.exportCount == 1)
    #expect(report.facts.textSize > 0)
    #expect(report.facts.dataSize > 0)
  }

  @Test("one change brings its finding and no other", arguments: changes)
  func change(_ change: Change) throws {
    let flags = Samples.cleanFlags.filter { !change.removesFlags.contains($0) } + change.addsFlags
    for flag in change.removesFlags { #expect(Samples.cleanFlags.contains(flag)) }
    let report = try lint(Toolchain.build(Samples.source + "\n" + change.source, flags))

    let expected = Self.cleanRules.union(change.rule.map { [$0] } ?? [])
    #expect(Set(report.findings.map(\.rule)).symmetricDifference(expected).subtracting(change.alsoChanges).isEmpty)
    #expect(report.isDangerous == (change.rule != nil && change.severity == .danger))
    guard let rule = change.rule else { return }
    let finding = try #require(report.findings.first { $0.rule == rule })
    #expect(finding.severity == change.severity)
    #expect(!finding.title.isEmpty && !finding.explanation.isEmpty && !finding.remedy.isEmpty)
    if let evidence = change.evidence {
      #expect(finding.evidence.contains { $0.contains(evidence) }, "\(finding.evidence)")
    }
  }

  @Test("a missing stack header counts as an executable stack")
  func missingStackHeader() throws {
    let object = try Toolchain.build(Samples.source, Samples.cleanFlags)
    let header = try object.programHeader(0x6474_E551)
    let report = try lint(object.with(UInt32(0), at: header))
    let finding = try #require(report.findings.first { $0.rule == .executableStack })
    #expect(finding.severity == .danger)
    #expect(finding.evidence == ["there is no PT_GNU_STACK header"])
  }

  @Test("a module without needed libraries has none listed")
  func nothingNeeded() throws {
    let flags = Samples.cleanFlags.filter { $0 != "-fstack-protector-all" } + ["-nostdlib"]
    let report = try lint(Toolchain.build(Samples.source, flags))
    #expect(!report.findings.contains { $0.rule == .neededLibraries })
    #expect(report.facts.needed.isEmpty)
  }

  @Test("a module without exports has none listed")
  func nothingExported() throws {
    let hidden = Samples.source.replacing("default", with: "hidden")
    let report = try lint(Toolchain.build(hidden, Samples.cleanFlags))
    #expect(!report.findings.contains { $0.rule == .exportedSymbols })
  }

  @Test("exports are a leak from the 65th function on", arguments: [(64, Severity.note), (65, Severity.leak)])
  func exports(count: Int, severity: Severity) throws {
    let functions = (1..<count).map { "__attribute__((visibility(\"default\"))) int f\($0)(void) { return \($0); }" }
    let source = ([Samples.source] + functions).joined(separator: "\n")
    let report = try lint(Toolchain.build(source, Samples.cleanFlags))
    let finding = try #require(report.findings.first { $0.rule == .exportedSymbols })
    #expect(finding.severity == severity)
    #expect(finding.evidence.count == Finding.evidenceLimit + 1)
    #expect(finding.evidence.last == "and \(count - Finding.evidenceLimit) more")
    #expect(report.facts.exportCount == count)
  }
}
