public import ErrorClass

/// What the check of a slot came to: V of SPEC 7.10.
public enum SlotCheck: Equatable, Sendable {
  /// - Parameter version: major, minor, patch of what is in it, where that is known.
  case passes(version: [UInt32]?)
  case fails(ErrorClass)
}

/// What is to be started.
public enum SlotChoice: Equatable, Sendable {
  case trial(Slot)
  case good(Slot)
  /// Neither slot passes its check.
  case nothing(ErrorClass)
}

extension UpdateState {
  /// Chooses what to start, by the table of SPEC 7.10: a pure function of this state and of the checks.
  ///
  /// - Parameter check: is asked only about slots that matter, each at most once.
  /// - Returns: the choice, and the state that is to be written before anything is started.
  public func choosing(_ check: (Slot) -> SlotCheck) -> (choice: SlotChoice, state: UpdateState) {
    var state = self
    var known: (a: SlotCheck?, b: SlotCheck?)
    func checked(_ slot: Slot) -> SlotCheck {
      if let result = slot == .a ? known.a : known.b { return result }
      let result = check(slot)
      if slot == .a { known.a = result } else { known.b = result }
      return result
    }
    while let trial = state.trial {
      if trial.isConfirmed {
        state.makePermanent()
      } else if trial.triesLeft == 0 {
        state.abandon()
      } else {
        switch checked(trial.slot) {
        case .passes(let version):
          state.run &+= 1
          state.trial?.triesLeft -= 1
          state.note(.tried, trial.slot, detail: UInt64(trial.triesLeft - 1), version: version)
          return (.trial(trial.slot), state)
        case .fails(let reason):
          state.note(.refused, trial.slot, detail: UInt64(reason.rawValue))
          state.abandon()
        }
      }
    }
    return state.choosingWithoutTrial(checked)
  }

  private func choosingWithoutTrial(_ check: (Slot) -> SlotCheck) -> (choice: SlotChoice, state: UpdateState) {
    var state = self
    let first = good ?? .a
    let firstCheck = check(first)
    if good != nil, case .passes = firstCheck { return (.good(first), state) }
    let secondCheck = check(first.other)
    switch (firstCheck, secondCheck) {
    case (.passes, .fails):
      state.good = first
      return (.good(first), state)
    case (.passes, .passes):
      // Neither is known to have ever been healthy: one is tried, with the other to fall back to.
      state.good = first.other
      state.trial = Trial(first)
      return state.choosing(check)
    case (.fails(let reason), .passes(let version)):
      state.good = first.other
      if good != nil { state.note(.fellBack, first.other, detail: UInt64(reason.rawValue), version: version) }
      return (.good(first.other), state)
    case (.fails(let reason), .fails):
      return (.nothing(reason), state)
    }
  }
}
