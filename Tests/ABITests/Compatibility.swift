/// What a change of the interface asks of the version (SPEC 12.3).
enum Change: Comparable {
  case none
  /// Programs that were compiled before run on.
  case addition
  /// They may not.
  case breaking
}

extension Description {
  /// How this description differs from an earlier one: each difference in words, and what it is.
  func differences(from earlier: Description) -> [(words: String, change: Change)] {
    let keys = Set(entries.keys).union(earlier.entries.keys).sorted()
    return keys.compactMap { key in
      switch (earlier.entries[key], entries[key]) {
      case (let before?, nil): ("gone: \(key): \(before)", .breaking)
      case (nil, let after?): ("new: \(key): \(after)", isAddition(key, after: earlier) ? .addition : .breaking)
      case (let before?, let after?) where before != after:
        ("changed: \(key): \(before) -> \(after)", isGrowth(key, before, after) ? .addition : .breaking)
      default: nil
      }
    }
  }

  /// What is wrong with calling this the successor of an earlier description; nothing if it may be one.
  func violations(after earlier: Description) -> [String] {
    let differences = differences(from: earlier)
    let (old, new) = (earlier.version, version)
    let raised: Change =
      new.major != old.major ? .breaking : new.minor != old.minor ? .addition : .none
    var violations = differences.filter { $0.change > raised }.map { difference in
      "\(difference.words): raise \(difference.change == .breaking ? "HUSK_VERSION_MAJOR" : "HUSK_VERSION_MINOR")"
    }
    if (new.major, new.minor, new.patch) < (old.major, old.minor, old.patch) {
      violations.append("version \(new.text) comes before \(old.text)")
    }
    if raised == .breaking, new.minor != 0 || new.patch != 0 { violations.append("\(new.text): not a first MAJOR.0.0") }
    if raised == .addition, new.patch != 0 { violations.append("\(new.text): not a first MINOR.0") }
    return violations
  }

  private func isSized(_ structure: Substring) -> Bool {
    entries["struct \(structure)"]?.hasSuffix("begins with its size") ?? false
  }

  private func size(of structure: Substring) -> Int? {
    entries["struct \(structure)"].flatMap { Int($0.prefix { $0.isNumber }) }
  }

  private func isAddition(_ key: String, after earlier: Description) -> Bool {
    guard let member = key.wholeMatch(of: #/member (\w+)\..*/#) else { return true }
    // With a struct that is new itself, or behind what a struct had.
    guard let before = earlier.size(of: member.output.1) else { return true }
    let offset = entries[key]?.firstMatch(of: #/at ([0-9]+),/#).flatMap { Int($0.output.1) }
    return earlier.isSized(member.output.1) && (offset.map { $0 >= before } ?? false)
  }

  private func isGrowth(_ key: String, _ before: String, _ after: String) -> Bool {
    guard let name = key.wholeMatch(of: #/struct (\w+)/#)?.output.1, isSized(name), before.hasSuffix("with its size"),
      let old = Int(before.prefix { $0.isNumber }), let new = size(of: name)
    else { return false }
    return new > old
  }
}
