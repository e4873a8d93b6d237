public import CBOR

// The form in which facts travel, in operation 3 of SPEC 8 and in whatever quotes it: an array of
// `[number, state, detail]`, the numbers strictly ascending.

extension CBOREncoder {
  /// Writes facts, whose numbers must be strictly ascending.
  public mutating func encode(_ facts: [ProtectionFact]) {
    beginArray(facts.count)
    for fact in facts {
      beginArray(3)
      encode(unsigned: fact.number)
      encode(unsigned: fact.state.rawValue)
      encode(unsigned: fact.detail)
    }
  }
}

extension CBORReader {
  /// Reads facts; throws `outOfRange` for an unknown state, and for numbers that don't ascend.
  public mutating func readProtectionFacts() throws(CBORError) -> [ProtectionFact] {
    let count = try readArrayHeader(atMost: ProtectionFact.most)
    var facts: [ProtectionFact] = []
    for _ in 0..<count {
      let start = position
      guard try readArrayHeader() == 3 else { throw CBORError(.outOfRange, at: start) }
      let number = try readUnsigned()
      guard let state = ProtectionState(rawValue: try readUnsigned()), (facts.last?.number).map({ $0 < number }) ?? true
      else { throw CBORError(.outOfRange, at: start) }
      facts.append(ProtectionFact(number: number, state: state, detail: try readUnsigned()))
    }
    return facts
  }
}

extension ProtectionFact {
  /// The most facts that a report has (SPEC 11).
  public static let most = 256
}
