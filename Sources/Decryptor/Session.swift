import HuskFormat

/// What the decryptor remembers between the requests of its client, until it ends (SPEC 9.1, 15.3).
struct Session {
  /// The vendor scope whose modules this client may have: bound by the first load.
  private(set) var vendorScope: Scope?
  /// The latest signed time seen in that scope's objects.
  private(set) var time: UInt64
  private var sequences: [(module: Name, highest: UInt64)] = []

  init(time: UInt64) {
    self.time = time
  }

  func allows(_ scope: Scope) -> Bool {
    vendorScope == nil || vendorScope == scope
  }

  func highestSequence(of module: Name) -> UInt64 {
    sequences.first { $0.module == module }?.highest ?? 0
  }

  /// Takes notice of a released module.
  mutating func record(_ module: Name, scope: Scope, sequence: UInt64, time: UInt64) {
    vendorScope = scope
    self.time = max(self.time, time)
    if let index = sequences.firstIndex(where: { $0.module == module }) {
      sequences[index].highest = max(sequences[index].highest, sequence)
    } else {
      sequences.append((module, sequence))
    }
  }
}
