import ErrorClass
import FormatFixtures
import HuskFormat
import SecureStorage
import TestSupport
import Testing

/// What is to stay known once it was told to the outside.
enum Fact: CaseIterable, Sendable {
  case sequence, floor, list

  func value(in state: SecureState) -> UInt64 {
    switch self {
    case .sequence: state.highestSequence(of: testName("com.acme.codec"))
    case .floor: state.floor(of: testName("com.acme.other"))
    case .list: state.statusMarks.first { $0.scope == testScope("com.acme.") }?.number ?? 0
    }
  }

  /// A grant that supersedes others, a newer version, or a list.
  func raised(to value: UInt64) -> Change {
    { (state) throws(ErrorClass) in
      switch self {
      case .sequence: try state.record(load(sequence: value))
      case .floor: try state.record(load(testName("com.acme.other"), sequence: 1, floor: value))
      case .list:
        try state.record(
          StatusMark(scope: testScope("com.acme."), number: value, digest: bytes(named: "list \(value)")),
          of: testScope("com.acme."))
      }
    }
  }
}

/// Whoever holds flash and power copies files away and puts them back; the counter alone he can't (SPEC 7.8).
@Suite("Secure storage whose files are hidden and put back")
struct ForkTests {
  private static func bystander(_ state: inout SecureState) throws(ErrorClass) {
    try state.record(load(testName("com.acme.bystander"), sequence: 1))
  }

  /// Starts, and has the power go in a change after so many operations of it; returns the files that are there then.
  private func cut(_ platform: Platform, after operations: Int, in change: Change) throws -> [[UInt8]] {
    var storage = try start(platform)
    platform.power = operations
    _ = update(&storage, on: platform, change)
    platform.power = nil
    return platform.files
  }

  @Test("a file that was written, not counted, hidden and put back takes nothing back", arguments: Fact.allCases)
  func hidden(fact: Fact) throws {
    for isNew in [true, false] {
      for operations in 1..<5 {
        let platform = Platform()
        if !isNew { #expect(outcome(platform, fact.raised(to: 1)) == nil) }
        let hidden = try cut(platform, after: operations, in: Self.bystander)
        platform.files = platform.former
        // The new grant, version or list is taken, by a device that can't know of what is hidden.
        let generation = try state(of: platform).generation
        #expect(outcome(platform, fact.raised(to: 2)) == nil)
        platform.files = hidden
        let after = try state(of: platform)
        #expect(after.generation != generation || fact.value(in: after) == 2, "after \(operations) operations")
      }
    }
  }

  @Test("nor does one whose writing failed, and that was whole all the same", arguments: Fact.allCases)
  func failedWrite(fact: Fact) throws {
    let platform = Platform()
    var storage = try start(platform)
    #expect(update(&storage, on: platform, fact.raised(to: 1)) == nil)
    (platform.power, platform.failsLate) = (0, true)
    #expect(update(&storage, on: platform, Self.bystander) == .io)
    platform.power = nil
    let hidden = platform.files
    platform.files = platform.former
    #expect(update(&storage, on: platform, fact.raised(to: 2)) == nil)
    platform.files = hidden
    let after = try state(of: platform)
    #expect(after.generation > 0 || fact.value(in: after) == 2)
  }

  @Test("two files that were hidden can't be played against each other", arguments: Fact.allCases)
  func twoHidden(fact: Fact) throws {
    let platform = Platform()
    #expect(outcome(platform, fact.raised(to: 1)) == nil)
    let one = try cut(platform, after: 3, in: fact.raised(to: 2))
    platform.files = platform.former
    let other = try cut(platform, after: 3, in: Self.bystander)
    // The first comes in force after all, and is relied on without a change.
    platform.files = one
    let before = try state(of: platform)
    #expect(before.generation == 0)
    #expect(fact.value(in: before) == 2)
    #expect(outcome(platform, fact.raised(to: 2)) == nil)
    platform.files = other
    let after = try state(of: platform)
    #expect(after.generation > 0 || fact.value(in: after) == 2)
  }

  @Test("whatever is cut, hidden, erased and put back, in any order: nothing told is forgotten in its generation")
  func search() throws {
    let seed: UInt64 = 78
    var generator = SeededGenerator(seed: seed)
    var (told, forgotten, kept) = (0, 0, 0)
    for history in 0..<150 {
      let platform = Platform()
      var known: [UInt64: [Fact: UInt64]] = [:]
      for run in 0..<12 {
        if run > 0, Bool.random(using: &generator) {
          for file in 0..<2 {
            // What is recent may still fit the counter.
            let choices = platform.history.suffix(6) + [platform.files[file], platform.former[file]]
            platform.files[file] = choices.randomElement(using: &generator) ?? []
          }
        }
        guard var storage = try? start(platform) else { continue }
        let generation = storage.state.generation
        for (fact, value) in known[generation] ?? [:] {
          if fact.value(in: storage.state) < value {
            forgotten += 1
            Issue.record("seed \(seed), history \(history), run \(run): \(fact) was \(value)")
          }
        }
        if run > 0, generation == 0 { kept += 1 }
        platform.failsLate = Bool.random(using: &generator)
        platform.power = Bool.random(using: &generator) ? Int.random(in: 0...8, using: &generator) : nil
        for _ in 0..<2 {
          guard let fact = Fact.allCases.randomElement(using: &generator) else { continue }
          let value = max(1, fact.value(in: storage.state) + UInt64.random(in: 0...1, using: &generator))
          guard update(&storage, on: platform, fact.raised(to: value)) == nil else { continue }
          known[generation, default: [:]][fact] = value
          told += 1
        }
        platform.power = nil
      }
      if forgotten > 0 { break }
    }
    // The search is of no use if everything is refused, or every history ends in another generation.
    #expect(told > 1000)
    #expect(kept > 300)
  }
}
