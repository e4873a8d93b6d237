import ArgumentParser
import HostSupport
import HuskFormat
import ModuleELF
import ModuleLint

struct LintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract: "Tell what a module gives away, before it is packed.",
    discussion: """
      Examines a shared object for what makes loading it dangerous, what it leaks to whoever gets to see it, and what \
      makes attacks on it easier; each finding comes with its remedy. The exit status is 1 if something is dangerous: \
      pack refuses such a module.

      Example: husk lint codec.so
      """)

  @Argument(help: ArgumentHelp("The shared object; - is standard input.", valueName: "file"))
  var path: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let bytes = try readFile(path, atMost: Int(Limits.sizeBound))
    let report = try about(path) { try lint(bytes) }
    if json { try printJSON(report) } else { printLines(lines(report)) }
    if report.isDangerous { throw ExitCode.failure }
  }

  private func lines(_ report: LintReport) -> [String] {
    let facts = report.facts
    var lines = [
      "\(path): \(facts.machine) shared object, \(facts.fileSize) bytes, \(facts.exportCount) exported symbols"
    ]
    for severity in Severity.allCases {
      let findings = report.findings.filter { $0.severity == severity }
      if findings.isEmpty { continue }
      lines += ["", severity.heading]
      for finding in findings {
        lines.append("  \(finding.title) [\(finding.rule.rawValue)]")
        lines.append("    \(finding.explanation)")
        lines += finding.evidence.map { "    found: \($0)" }
        lines.append("    remedy: \(finding.remedy)")
      }
    }
    if report.findings.isEmpty { lines.append("nothing found") }
    return lines
  }
}

extension Severity {
  fileprivate var heading: String {
    switch self {
    case .danger: "DANGER: makes loading it unsafe"
    case .leak: "LEAK: tells more about its inside than anybody needs"
    case .weakness: "WEAKNESS: makes attacks on it easier"
    case .note: "NOTE"
    }
  }
}
