import ModuleLint
import Testing

@Suite("An Arm object is judged by Arm's rules")
struct ArmTests {
  private static let intelFlags: Set = ["-fcf-protection=full", "-Wl,-z,ibt,-z,shstk"]
  private static let cleanFlags =
    Samples.cleanFlags.filter { !intelFlags.contains($0) } + ["-mbranch-protection=standard"]

  private func report(_ flags: [String]) throws -> LintReport {
    try lint(Toolchain.build(Samples.source, flags, compiler: "aarch64-linux-gnu-gcc"))
  }

  @Test("which say little of one that was made as they advise")
  func clean() throws {
    let report = try report(Self.cleanFlags)
    #expect(report.facts.machine == "aarch64")
    #expect(Set(report.findings.map(\.rule)) == LintRuleTests.cleanRules)
  }

  @Test(
    "by the control-flow protections that all of its code is ready for",
    arguments: [
      ("standard", []), ("bti", ["PAC (signed return addresses)"]), ("pac-ret", ["BTI (branch target identification)"]),
      ("none", ["BTI (branch target identification)", "PAC (signed return addresses)"]),
    ])
  func controlFlow(protection: String, missing: [String]) throws {
    let report = try report(Self.cleanFlags + ["-mbranch-protection=\(protection)"])
    #expect(report.findings.first { $0.rule == .noControlFlowProtection }?.evidence ?? [] == missing)
  }

  @Test("by the largest pages that a kernel may have", arguments: [(4096, true), (16384, true), (65536, false)])
  func pages(size: Int, isFound: Bool) throws {
    let report = try report(Self.cleanFlags + ["-Wl,-z,max-page-size=\(size)"])
    let evidence = report.findings.first { $0.rule == .smallPages }?.evidence
    #expect(evidence == (isFound ? ["segments are aligned to \(size) bytes"] : nil))
  }
}
