import ErrorClass
import TestSupport
import Testing

@testable import DeviceStore

private let versions: [Slot: [UInt32]] = [.a: [1, 0, 0], .b: [2, 0, 0]]

private func check(_ checks: (a: ErrorClass?, b: ErrorClass?)) -> (Slot) -> SlotCheck {
  { slot in (slot == .a ? checks.a : checks.b).map(SlotCheck.fails) ?? .passes(version: versions[slot]) }
}

extension SlotChoice {
  fileprivate var slot: Slot? {
    switch self {
    case .trial(let slot), .good(let slot): slot
    case .nothing: nil
    }
  }
}

/// SPEC 7.10.
@Suite("Choosing between two slots")
struct SlotChoiceTests {
  @Test("is what the table says, for every state and every outcome of the checks")
  func table() {
    #expect(everyState.count == 51)
    for state in everyState {
      for checks in everyCheck {
        let expected = StateTable(checks: checks).choose(state)
        let (choice, after) = state.choosing(check(checks))
        let start: StateTable.Start
        switch choice {
        case .trial(let slot):
          start = .slot(slot)
          #expect(after.trial?.slot == slot)
        case .good(let slot):
          start = .slot(slot)
          #expect(after.good == slot && after.trial == nil)
        case .nothing(let reason): start = .nothing(reason)
        }
        let context = "\(state), \(checks)"
        #expect(start == expected.start, "\(context)")
        #expect(after.good == expected.step.good, "\(context)")
        #expect(after.trial == expected.step.trial, "\(context)")
        #expect(after.run == expected.step.run, "\(context)")
        #expect(after.history.map(\.kind) == expected.step.events.map(\.kind), "\(context)")
        #expect(after.history.map(\.slot) == expected.step.events.map(\.slot), "\(context)")
        #expect(after.history.map(\.detail) == expected.step.events.map(\.detail), "\(context)")
        #expect(after.history.allSatisfy { $0.run == after.run || $0.run == 41 }, "\(context)")
      }
    }
  }

  @Test(
    "starts only what passes, something whenever anything passes, and the good slot if that does and no trial is left")
  func invariants() {
    for state in everyState {
      for checks in everyCheck {
        let passing = [checks.a == nil ? Slot.a : nil, checks.b == nil ? .b : nil].compactMap { $0 }
        let (choice, after) = state.choosing(check(checks))
        #expect((choice.slot == nil) == passing.isEmpty)
        if let slot = choice.slot { #expect(passing.contains(slot)) }
        if let good = after.good, after.trial == nil, passing.contains(good) { #expect(choice == .good(good)) }
        if case .trial = choice, let good = after.good { #expect(good != choice.slot || state.good == choice.slot) }
      }
    }
  }

  @Test("is pure, and asks for each check at most once")
  func purity() {
    for state in everyState {
      for checks in everyCheck {
        var asked: [Slot] = []
        let first = state.choosing { slot in
          asked.append(slot)
          return check(checks)(slot)
        }
        #expect(Set(asked).count == asked.count)
        let second = state.choosing(check(checks))
        #expect(first.choice == second.choice)
        #expect(first.state == second.state)
      }
    }
  }

  @Test("starts an unconfirmed trial three times at most, whatever passes at which start")
  func tries() {
    var generator = SeededGenerator(seed: 710)
    for initial in everyState {
      for _ in 0..<20 {
        var state = initial
        let installed = state.idle
        state.install(installed, version: nil)
        var starts = 0
        for _ in 0..<12 {
          let (choice, after) = state.choosing(check(everyCheck.randomElement(using: &generator) ?? (nil, nil)))
          if choice == .trial(installed) { starts += 1 }
          state = after
        }
        #expect(starts <= 3)
        #expect(state.trial == nil || state.trial?.slot != installed || starts < 3)
      }
    }
  }

  @Test("comes to rest: with the same checks a start without a trial changes nothing more")
  func rest() {
    for initial in everyState {
      for checks in everyCheck {
        var state = initial
        for _ in 0..<8 { state = state.choosing(check(checks)).state }
        #expect(state.trial == nil)
        #expect(state.choosing(check(checks)).state == state)
      }
    }
  }

  @Test("says of what it starts anew which version that is, and keeps the last 16 events")
  func history() {
    var state = UpdateState(run: 0, good: .a, trial: nil, history: [])
    for number in 0..<20 {
      state.install(.b, version: [2, 0, UInt32(number)])
      let tried = state.choosing(check((nil, nil))).state
      #expect(
        tried.history.last
          == UpdateEvent(run: UInt64(number) + 1, kind: .tried, slot: .b, detail: 2, version: [2, 0, 0]))
      state = tried
      #expect(state.history.count == min(16, 2 * (number + 1)))
    }
    #expect(state.history.first?.version == [2, 0, 12])
    let fallen = UpdateState(run: 7, good: .a, trial: nil, history: []).choosing(check((.io, nil))).state
    #expect(
      fallen.history == [
        UpdateEvent(run: 7, kind: .fellBack, slot: .b, detail: UInt64(ErrorClass.io.rawValue), version: [2, 0, 0])
      ])
  }

  @Test("doesn't stop at the end of the numbers")
  func lastRun() {
    let state = UpdateState(run: .max, good: .a, trial: UpdateState.Trial(.b), history: [])
    #expect(state.choosing(check((nil, nil))).choice == .trial(.b))
  }
}

@Suite("What happens to an update")
struct UpdateStateTests {
  @Test("is installed into the slot that isn't good, and into b where none is")
  func idle() {
    #expect(UpdateState().idle == .b)
    for state in everyState { #expect(state.idle != state.good) }
  }

  @Test("confirming counts once, and only with a trial")
  func confirm() {
    for state in everyState {
      var after = state
      after.confirm(version: [1, 2, 3])
      if let trial = state.trial, !trial.isConfirmed {
        #expect(after.trial?.isConfirmed == true)
        #expect(after.trial?.slot == trial.slot)
        #expect(after.history == [UpdateEvent(run: 41, kind: .confirmed, slot: trial.slot, version: [1, 2, 3])])
      } else {
        #expect(after == state)
      }
    }
  }

  @Test("making permanent and abandoning end a trial, and are nothing without one")
  func ends() {
    for state in everyState {
      var permanent = state
      permanent.makePermanent()
      var abandoned = state
      abandoned.abandon()
      guard let trial = state.trial else {
        #expect(permanent == state && abandoned == state)
        continue
      }
      #expect(permanent.good == trial.slot && permanent.trial == nil && permanent.history.map(\.kind) == [.permanent])
      #expect(abandoned.good == state.good && abandoned.trial == nil && abandoned.history.map(\.kind) == [.abandoned])
    }
  }
}
