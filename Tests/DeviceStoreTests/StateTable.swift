import ErrorClass

@testable import DeviceStore

/// The table of SPEC 7.10, row by row as it stands there: what the code is compared with. Nothing here calls the code.
struct StateTable: Sendable {
  /// Nil for a slot that passes.
  let checks: (a: ErrorClass?, b: ErrorClass?)

  struct Step: Sendable {
    var good: Slot?
    var trial: UpdateState.Trial?
    var run: UInt64
    var events: [(kind: UpdateEvent.Kind, slot: Slot, detail: UInt64)] = []
  }

  enum Start: Equatable {
    case again
    case slot(Slot)
    case nothing(ErrorClass)
  }

  private struct Row: Sendable {
    let applies: @Sendable (Step, StateTable) -> Bool
    let becomes: @Sendable (inout Step, StateTable) -> Void
    let starts: @Sendable (Step, StateTable) -> Start
  }

  func v(_ slot: Slot) -> ErrorClass? { slot == .a ? checks.a : checks.b }

  private static let rows: [Row] = [
    Row(
      applies: { s, _ in s.trial?.isConfirmed == true },
      becomes: { s, _ in
        guard let trial = s.trial else { return }
        s.good = trial.slot
        s.trial = nil
        s.events.append((.permanent, trial.slot, 0))
      },
      starts: { _, _ in .again }),
    Row(
      applies: { s, _ in s.trial?.isConfirmed == false && s.trial?.triesLeft == 0 },
      becomes: { s, _ in
        guard let trial = s.trial else { return }
        s.trial = nil
        s.events.append((.abandoned, trial.slot, 0))
      },
      starts: { _, _ in .again }),
    Row(
      applies: { s, table in s.trial.map { !$0.isConfirmed && table.v($0.slot) != nil } ?? false },
      becomes: { s, table in
        guard let trial = s.trial, let reason = table.v(trial.slot) else { return }
        s.trial = nil
        s.events += [(.refused, trial.slot, UInt64(reason.rawValue)), (.abandoned, trial.slot, 0)]
      },
      starts: { _, _ in .again }),
    Row(
      applies: { s, table in s.trial.map { !$0.isConfirmed && table.v($0.slot) == nil } ?? false },
      becomes: { s, _ in
        guard let trial = s.trial else { return }
        s.run += 1
        s.trial = UpdateState.Trial(trial.slot, triesLeft: trial.triesLeft - 1)
        s.events.append((.tried, trial.slot, UInt64(trial.triesLeft) - 1))
      },
      starts: { s, _ in .slot(s.trial?.slot ?? .a) }),
    Row(
      applies: { s, table in s.good.map { table.v($0) == nil } ?? false },
      becomes: { _, _ in },
      starts: { s, _ in .slot(s.good ?? .a) }),
    Row(
      applies: { s, table in s.good.map { table.v($0) != nil && table.v($0.other) == nil } ?? false },
      becomes: { s, table in
        guard let good = s.good, let reason = table.v(good) else { return }
        s.good = good.other
        s.events.append((.fellBack, good.other, UInt64(reason.rawValue)))
      },
      starts: { s, _ in .slot(s.good ?? .a) }),
    Row(
      applies: { s, _ in s.good != nil },
      becomes: { _, _ in },
      starts: { s, table in .nothing(s.good.flatMap { table.v($0) } ?? .internal) }),
    Row(
      applies: { _, table in table.v(.a) == nil && table.v(.b) == nil },
      becomes: { s, _ in
        s.good = .b
        s.trial = UpdateState.Trial(.a, triesLeft: 3)
      },
      starts: { _, _ in .again }),
    Row(
      applies: { _, table in table.v(.a) == nil || table.v(.b) == nil },
      becomes: { s, table in s.good = table.v(.a) == nil ? .a : .b },
      starts: { s, _ in .slot(s.good ?? .a) }),
    Row(
      applies: { _, _ in true },
      becomes: { _, _ in },
      starts: { _, table in .nothing(table.v(.a) ?? .internal) }),
  ]

  func choose(_ state: UpdateState) -> (start: Start, step: Step) {
    var step = Step(good: state.good, trial: state.trial, run: state.run)
    while true {
      guard let row = Self.rows.first(where: { $0.applies(step, self) }) else { return (.nothing(.internal), step) }
      row.becomes(&step, self)
      let start = row.starts(step, self)
      if start != .again { return (start, step) }
    }
  }
}

/// Every state that a control file can hold, but for numbers and history.
let everyState: [UpdateState] = {
  let trials = Slot.allCases.flatMap { slot in
    (0...UpdateState.tries).flatMap { tries in
      [false, true].map { UpdateState.Trial(slot, triesLeft: tries, isConfirmed: $0) }
    }
  }
  return [nil, Slot.a, Slot.b].flatMap { good in
    ([nil] + trials.map(Optional.some)).map { UpdateState(run: 41, good: good, trial: $0, history: []) }
  }
}()

/// Every outcome of the checks; the two classes differ.
let everyCheck: [(a: ErrorClass?, b: ErrorClass?)] = [
  (nil, nil), (.digestMismatch, nil), (nil, .rollback), (.digestMismatch, .rollback),
]
