/// One thing that a vendor should know about a module before shipping it.
public struct Finding: Codable, Equatable, Sendable {
  public let rule: Rule
  public let severity: Severity
  /// What was found, in a few words.
  public let title: String
  /// Why it matters for a module that is to stay secret and safe.
  public let explanation: String
  /// Up to ``evidenceLimit`` examples, and how many more there are. Printable ASCII, whatever the module holds.
  public let evidence: [String]
  /// The flag or command that changes it.
  public let remedy: String

  /// How many examples a finding shows.
  public static let evidenceLimit = 5

  init(
    _ rule: Rule, _ severity: Severity, _ title: String, explanation: String, evidence: [String] = [], remedy: String
  ) {
    self.rule = rule
    self.severity = severity
    self.title = title
    self.explanation = explanation
    self.evidence =
      evidence.count <= Self.evidenceLimit
      ? evidence : evidence.prefix(Self.evidenceLimit) + ["and \(evidence.count - Self.evidenceLimit) more"]
    self.remedy = remedy
  }
}

/// How bad a finding is, the worst first.
public enum Severity: String, Codable, CaseIterable, Comparable, Sendable {
  /// Makes loading the module unsafe; `pack` refuses it unless told otherwise.
  case danger
  /// Tells whoever sees the module more about its inside than they need.
  case leak
  /// Makes an attack on the running module easier.
  case weakness
  /// Worth knowing.
  case note

  public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What can be found. The raw values are stable ids.
public enum Rule: String, Codable, CaseIterable, Comparable, Sendable {
  case writableCode = "writable-code"
  case executableStack = "executable-stack"
  case textRelocations = "text-relocations"
  case searchPath = "search-path"
  case symbols = "symbols"
  case debugInfo = "debug-info"
  case buildPaths = "build-paths"
  case sourceNames = "source-names"
  case exportedSymbols = "exported-symbols"
  case noRelro = "no-relro"
  case noBindNow = "no-bind-now"
  case neededLibraries = "needed-libraries"
  case noSoname = "no-soname"
  case systemSoname = "system-soname"
  case constructors = "constructors"
  case noStackProtector = "no-stack-protector"
  case noControlFlowProtection = "no-control-flow-protection"
  case compilerIdentification = "compiler-identification"
  case buildID = "build-id"
  case smallPages = "small-pages"

  public static func < (left: Rule, right: Rule) -> Bool { left.rank < right.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
