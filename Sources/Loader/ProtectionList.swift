import CHusk
import CLinux
import CLoader
import ErrorClass
import Protections

/// What is in force here (SPEC 15.5), in ascending order of the numbers: as the decryptor tells of itself, and as this
/// process can see.
///
/// - Parameter device: nil if the decryptor isn't to be asked.
func allFacts(_ device: Device?) throws(ErrorClass) -> [ProtectionFact] {
  var facts = try device?.protections() ?? untried(by: .decryptor)
  // It speaks for itself only.
  facts.removeAll { Protection.Reporter(ofNumber: $0.number) != .decryptor }
  facts += measureProcess(Registry.memory)
  facts += measurePlatform()
  return facts
}

private func untried(by reporter: Protection.Reporter) -> [ProtectionFact] {
  var facts: [ProtectionFact] = []
  for protection in Protection.allCases where protection.reporter == reporter {
    facts.append(ProtectionFact(protection, unknown: .notTried))
  }
  return facts
}

extension husk_protection {
  init(_ fact: ProtectionFact) {
    let none = ("" as StaticString).cString
    let reason = fact.state == .unknown ? UnknownReason(rawValue: fact.detail)?.text : nil
    self.init(
      size: 0, number: UInt32(clamping: fact.number), state: Int32(truncatingIfNeeded: fact.state.rawValue),
      detail: fact.detail, name: fact.protection?.name.cString ?? none, why: reason?.cString ?? none,
      loss: fact.protection?.loss.cString ?? none, advice: fact.protection?.advice.cString ?? none)
  }
}

extension Registry {
  /// What became of the memory of the modules that are loaded.
  static var memory: ModuleMemory {
    linux_lock()
    defer { linux_unlock() }
    var memory = ModuleMemory()
    for object in objects {
      memory.modules += 1
      // One that can't be kept out of core dumps isn't loaded.
      memory.excludedFromDumps += 1
      if object.isLocked { memory.locked += 1 }
      if object.isExecuteOnly { memory.executeOnly += 1 }
    }
    return memory
  }
}
