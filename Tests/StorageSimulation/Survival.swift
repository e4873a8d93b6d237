import TestSupport

/// What a power cut leaves of what wasn't durable.
public enum Survival: Hashable, Sendable, CustomStringConvertible {
  /// Nothing of it.
  case nothing
  /// All of it, as if only the process had ended.
  case everything
  /// All, but of each file's last write only half.
  case torn
  /// All names, but nothing of the files' contents.
  case names
  /// All of the files' contents, but no name.
  case contents
  /// Of each file and each name the last change, but none before it.
  case reordered
  /// Of each file any changes in any order, the last torn anywhere; of each name any state that it had.
  case random(seed: UInt64)

  /// One of each kind; the seeds follow from `seed`.
  public static func all(seed: UInt64, randoms: Int = 2) -> [Survival] {
    var generator = SeededGenerator(seed: seed)
    return [.nothing, .everything, .torn, .names, .contents, .reordered]
      + (0..<randoms).map { _ in .random(seed: generator.next()) }
  }

  public var description: String {
    switch self {
    case .nothing: "nothing survives"
    case .everything: "everything survives"
    case .torn: "the last writes are torn"
    case .names: "names survive without contents"
    case .contents: "contents survive without names"
    case .reordered: "only the last changes survive"
    case .random(let seed): "random, seed \(seed)"
    }
  }
}

extension Medium {
  /// Durable is what survived, and nothing else is there.
  func surviving(_ survival: Survival) -> Medium {
    var generator = SeededGenerator(seed: survival.seed)
    var medium = self
    for number in files.keys.sorted() {
      medium.files[number] = files[number].map { File($0.surviving(survival, &generator)) }
    }
    for number in directories.keys.sorted() {
      medium.directories[number]?.settle { _, states in
        switch survival {
        case .nothing, .contents: states.first ?? nil
        case .everything, .torn, .names, .reordered: states.last ?? nil
        case .random: states.randomElement(using: &generator) ?? nil
        }
      }
    }
    return medium
  }
}

extension Survival {
  fileprivate var seed: UInt64 {
    if case .random(let seed) = self { seed } else { 0 }
  }
}

extension Medium.File {
  fileprivate func surviving(_ survival: Survival, _ generator: inout SeededGenerator) -> [UInt8] {
    guard let last = pending.last else { return durable }
    var changes: [Medium.Change]
    switch survival {
    case .nothing, .names: changes = []
    case .everything, .contents: return content
    case .torn: changes = pending.dropLast() + [last.torn(at: last.size / 2)]
    case .reordered: changes = [last]
    case .random:
      changes = pending.filter { _ in Bool.random(using: &generator) }.shuffled(using: &generator)
      if let last = changes.popLast() {
        changes.append(last.torn(at: Int.random(in: 0...last.size, using: &generator)))
      }
    }
    var content = durable
    for change in changes { change.apply(to: &content) }
    return content
  }
}

extension Medium.Change {
  fileprivate var size: Int {
    if case .write(_, let bytes) = self { bytes.count } else { 0 }
  }
}
