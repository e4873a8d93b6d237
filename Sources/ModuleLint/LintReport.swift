import ModuleELF

/// What ``lint(_:)`` found. Its Codable form is that of `--json`.
public struct LintReport: Codable, Equatable, Sendable {
  /// What the module is.
  public let facts: ModuleFacts
  /// The worst first; those of the same severity in the order of ``Rule``.
  public let findings: [Finding]

  /// Whether a finding is bad enough that the module should not be packed.
  public var isDangerous: Bool { findings.contains { $0.severity == .danger } }

  init(facts: ModuleFacts, findings: [Finding]) {
    self.facts = facts
    self.findings = findings.sorted { ($0.severity, $0.rule) < ($1.severity, $1.rule) }
  }
}

/// What a module is, without judgement.
public struct ModuleFacts: Codable, Equatable, Sendable {
  /// `x86_64` or `aarch64`.
  public let machine: String
  /// The name that the module gives itself.
  public let soname: String?
  /// The libraries that it needs, in the order in which they are looked for.
  public let needed: [String]
  /// Bytes of the file.
  public let fileSize: Int
  /// Bytes of executable segments in memory.
  public let textSize: UInt64
  /// Bytes of writable segments in memory.
  public let dataSize: UInt64
  /// Number of functions and objects that other code can look up.
  public let exportCount: Int

  init(_ module: Module) throws(ELFError) {
    machine =
      switch module.elf.machine {
      case .x86_64: "x86_64"
      case .aarch64: "aarch64"
      }
    soname = try module.elf.soname().map { printable($0) }
    needed = try module.elf.needed().map { printable($0) }
    fileSize = module.bytes.count
    // The segments were checked to be disjoint, so their sizes add up.
    textSize = module.elf.loadSegments.filter { $0.isExecutable }.reduce(0) { $0 + $1.memorySize }
    dataSize = module.elf.loadSegments.filter { $0.isWritable }.reduce(0) { $0 + $1.memorySize }
    exportCount = module.dynamicSymbols.count { $0.isExported }
  }
}
