import ErrorClass
import StorageSimulation
import TestSupport

/// Something that a device or its firmware does, which the power may go in at any storage operation.
struct Scenario: Sendable {
  typealias Step = @Sendable (SimulatedStorage) throws(ErrorClass) -> Void

  /// What is there before, all of it durable.
  let base: SimulatedStorage
  /// What is done; `done` is called after each step that was reported done.
  let run: @Sendable (_ storage: SimulatedStorage, _ done: () -> Void) throws(ErrorClass) -> Void
  /// What is wrong with what is found after a cut, when so many steps had been reported done.
  let problems: @Sendable (_ storage: SimulatedStorage, _ done: Int) -> [String]
  /// Goes on from whatever is there to the end, as the device and its firmware would.
  let finish: Step
  /// What there is in the end, to be the same as without any cut.
  let outcome: @Sendable (SimulatedStorage) -> String
}

extension Scenario {
  /// Steps that have nothing in common but the storage.
  init(
    base: SimulatedStorage, steps: [Step], problems: @escaping @Sendable (SimulatedStorage, Int) -> [String],
    finish: @escaping Step, outcome: @escaping @Sendable (SimulatedStorage) -> String
  ) {
    self.init(
      base: base,
      run: { (storage, done) throws(ErrorClass) in
        for step in steps {
          try step(storage)
          done()
        }
      }, problems: problems, finish: finish, outcome: outcome)
  }
}

/// What came of replaying a scenario.
struct Replay {
  /// How many times the power went: once for each operation and each way for unsynchronized changes to survive, and again
  /// in the recovery.
  var points = 0
  var failures: [String] = []
  /// What was found already, and with what done: what comes of it is known then.
  private var seen: Set<[Int]> = []
  private var finished: Set<Int> = []
  private let scenario: Scenario
  private let expected: String
  private let secondCuts: Int
  private var generator: SeededGenerator

  /// - Parameters:
  ///   - seed: draws the random survivals and the second cuts; it is told with each failure.
  ///   - secondCuts: in how many operations of each recovery the power goes again; they are drawn.
  init(_ scenario: Scenario, seed: UInt64, secondCuts: Int) {
    self.scenario = scenario
    self.secondCuts = secondCuts
    generator = SeededGenerator(seed: seed)
    let uncut = scenario.base.restarted()
    var expected = ""
    do throws(ErrorClass) {
      try scenario.run(uncut) {}
      try scenario.finish(uncut)
      expected = scenario.outcome(uncut)
    } catch {
      failures.append("doesn't run without a cut: \(error)")
    }
    self.expected = expected
  }

  mutating func run() {
    guard failures.isEmpty else { return }
    for cut in 1... {
      let storage = scenario.base.restarted(cut: cut)
      let done = perform(storage)
      guard storage.isDead else { break }
      for survival in Survival.all(seed: generator.next()) {
        points += 1
        recover(storage.surviving(survival), done, "cut \(cut), \(survival)", again: secondCuts)
      }
      // The process alone was ended; the power goes later, in what comes next.
      points += 1
      recover(storage.restarted(), done, "ended at \(cut)", again: secondCuts)
    }
  }

  /// Returns how many steps were reported done.
  private func perform(_ storage: SimulatedStorage) -> Int {
    var done = 0
    do throws(ErrorClass) {
      // Without power nothing is reported.
      try scenario.run(storage) { if !storage.isDead { done += 1 } }
    } catch {
      // It was cut off.
    }
    return done
  }

  /// Checks what is found after a cut, and that all comes to the same end, with the power going in the midst of that too.
  private mutating func recover(_ storage: SimulatedStorage, _ done: Int, _ context: String, again: Int) {
    let found = storage.fingerprint
    guard seen.insert([found, done]).inserted else { return }
    for problem in scenario.problems(storage.restarted(), done) {
      failures.append("\(context), \(done) done: \(problem)")
    }
    guard finished.insert(found).inserted else { return }
    let finishing = storage.restarted()
    do throws(ErrorClass) {
      try scenario.finish(finishing)
      let outcome = scenario.outcome(finishing)
      if outcome != expected { failures.append("\(context), \(done) done: ends as \(outcome), not as \(expected)") }
    } catch {
      failures.append("\(context), \(done) done: can't go on: \(error)")
    }
    guard finishing.operations > 0 else { return }
    for _ in 0..<again {
      let cut = Int.random(in: 1...finishing.operations, using: &generator)
      let second = storage.restarted(cut: cut)
      _ = try? scenario.finish(second)
      for survival in [Survival.nothing, .everything, .random(seed: generator.next())] {
        points += 1
        recover(second.surviving(survival), done, "\(context), again at \(cut), \(survival)", again: 0)
      }
    }
  }
}
