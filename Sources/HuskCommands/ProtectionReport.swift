import Protections

/// What doctor tells: facts by who reports them, in words and for programs.
struct ProtectionReport {
  /// The directory of the device whose decryptor reports; nil if this machine alone was examined.
  let device: String?
  /// By number.
  let facts: [ProtectionFact]

  /// A heading and a line for each protection, with why it matters and what to do where it isn't active; in the end
  /// how many there are of each.
  var lines: [String] {
    let width = facts.map(\.title.count).max() ?? 0
    var lines: [String] = []
    for reporter in Protection.Reporter.allCases {
      lines += [heading(reporter)]
      for fact in facts where fact.reporter == reporter {
        let padding = String(repeating: " ", count: width - fact.title.count + 2)
        lines.append("  \(fact.title)\(padding)\(fact.stateInWords)")
        guard fact.state != .active, let protection = fact.protection else { continue }
        lines.append("      without it: \(protection.loss)")
        lines.append("      to do: \(protection.advice)")
      }
      lines.append("")
    }
    return lines + [summary]
  }

  private func heading(_ reporter: Protection.Reporter) -> String {
    switch reporter {
    case .decryptor where device != nil: "Decryptor, as it reports itself"
    case .decryptor: "Decryptor, as one could be on this machine (tried)"
    case .process: "Process that runs modules, as one could be on this machine (tried)"
    case .platform: "Platform, as this machine shows it"
    }
  }

  private func count(_ state: ProtectionState) -> Int { facts.count { $0.state == state } }

  private var summary: String {
    "\(count(.active)) active, \(count(.inactive)) inactive, \(count(.unknown)) unknown"
  }
}

extension ProtectionReport: Encodable {
  private enum Key: String, CodingKey {
    case device, protections, active, inactive, unknown
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encodeIfPresent(device, forKey: .device)
    try container.encode(facts.map(Entry.init), forKey: .protections)
    try container.encode(count(.active), forKey: .active)
    try container.encode(count(.inactive), forKey: .inactive)
    try container.encode(count(.unknown), forKey: .unknown)
  }

  /// One fact; the number and what belongs to it stand in SPEC 15.5.
  private struct Entry: Encodable {
    let number: UInt64
    let name: String?
    let reporter: String
    let state: String
    let detail: UInt64
    let explanation: String?
    let loss: String?
    let advice: String?

    init(_ fact: ProtectionFact) {
      number = fact.number
      name = fact.protection.map { "\($0.name)" }
      reporter = "\(fact.reporter.name)"
      state = "\(fact.state.name)"
      detail = fact.detail
      explanation = fact.explanation
      let lacking = fact.state == .active ? nil : fact.protection
      loss = lacking.map { "\($0.loss)" }
      advice = lacking.map { "\($0.advice)" }
    }
  }
}
