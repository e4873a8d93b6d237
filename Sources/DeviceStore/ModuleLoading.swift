public import ErrorClass
import SecureWorld

/// Why a module that was found couldn't be loaded.
public struct LoadFailure: Error, Equatable {
  public let errorClass: ErrorClass
  /// What the firmware's test returned, for `selfTestFailed`.
  public let detail: UInt64

  public init(_ errorClass: ErrorClass, detail: UInt64 = 0) {
    self.errorClass = errorClass
    self.detail = detail
  }
}

extension ModuleStore {
  /// A module's files, open as long as the call that they are handed to lasts.
  public struct Candidate {
    /// Handles of the storage.
    public let package: Int32
    public let grant: Int32
    /// Nil for the good version.
    public let trial: Trial?
  }

  /// Loads the version of a module that its slots say is to run (SPEC 9.3): the one on trial, and if that fails the good
  /// one.
  ///
  /// - Parameters:
  ///   - load: loads a version and tests it.
  ///   - passedOver: is told why the version on trial isn't the one that runs.
  /// - Throws: why there is none.
  public func load<Loaded>(
    _ module: [UInt8], _ checker: some FileChecker, passedOver: (ErrorClass) -> Void,
    _ load: (Candidate) throws(LoadFailure) -> Loaded
  ) throws(ErrorClass) -> Loaded {
    guard StorePaths.isName(module) else { throw .notFound }
    var known: [CheckedFile?] = [nil, nil]
    let (choice, run) = try choose(module, checker, &known, passedOver)
    switch choice {
    case .nothing(let reason): throw reason
    case .good(let slot): return try loadGood(module, slot, try check(module, slot, checker, &known), load)
    case .trial(let slot):
      let checked = try check(module, slot, checker, &known)
      let trial = Trial(slot: slot, run: run, version: checked.version, epoch: checked.epoch)
      do throws(ErrorClass) {
        return try self.load(module, slot, checked, trial, load)
      } catch {
        guard let good = state(of: module).good else { throw error }
        passedOver(error)
        return try loadGood(module, good, try check(module, good, checker, &known), load)
      }
    }
  }
}

extension ModuleStore {
  private func loadGood<Loaded>(
    _ module: [UInt8], _ slot: Slot, _ checked: CheckedFile, _ load: (Candidate) throws(LoadFailure) -> Loaded
  ) throws(ErrorClass) -> Loaded {
    let loaded = try self.load(module, slot, checked, nil, load)
    // A confirmation may have been cut off behind its first step.
    if state(of: module).trial == nil { removeGrants(of: module, below: checked.epoch) }
    return loaded
  }

  private func load<Loaded>(
    _ module: [UInt8], _ slot: Slot, _ checked: CheckedFile, _ trial: Trial?,
    _ load: (Candidate) throws(LoadFailure) -> Loaded
  ) throws(ErrorClass) -> Loaded {
    let package = try StoredFile(StorePaths.package(module, slot), .reading, on: storage)
    let grant = try StoredFile(StorePaths.grant(module, epoch: checked.epoch), .reading, on: storage)
    do throws(LoadFailure) {
      return try package.withHandle { (package) throws(LoadFailure) in
        try grant.withHandle { (grant) throws(LoadFailure) in
          try load(Candidate(package: package, grant: grant, trial: trial))
        }
      }
    } catch {
      if let trial, error.errorClass.isFinalInLoad { abandon(module, trial, error) }
      throw error.errorClass
    }
  }

  /// The choice, and the number of the run that it begins.
  ///
  /// - Parameter known: receives what was found of the slots' packages.
  private func choose(
    _ module: [UInt8], _ checker: some FileChecker, _ known: inout [CheckedFile?], _ passedOver: (ErrorClass) -> Void
  ) throws(ErrorClass) -> (SlotChoice, UInt64) {
    let control = control(of: module)
    let state = retiring(module, control)
    if let trial = state?.trial, !trial.isConfirmed,
      case .unclear(let reason) = look(module, trial.slot, checker, &known)
    {
      // It isn't its fault, and costs it no try.
      guard let good = state?.good else { throw reason }
      passedOver(reason)
      return (.good(good), 0)
    }
    var refusal: ErrorClass?
    let (choice, after, _) = control.choose { slot in
      // What no state names isn't used, unless there is no state.
      if let state, slot != state.good, slot != state.trial?.slot { return .fails(.notFound) }
      switch look(module, slot, checker, &known) {
      case .passes(let version): return .passes(version: version)
      case .fails(let reason):
        if slot == state?.trial?.slot { refusal = reason }
        return .fails(reason)
      // Loading it will tell.
      case .unclear: return .passes(version: nil)
      }
    }
    guard let refusal else { return (choice, after.run) }
    // If there is no other version, this says more than that.
    if case .nothing = choice { return (.nothing(refusal), after.run) }
    passedOver(refusal)
    return (choice, after.run)
  }

  /// The state, after a trial that has used up its tries was given up and its package removed.
  private func retiring(_ module: [UInt8], _ control: ControlFiles<Medium>) -> UpdateState? {
    guard var state = control.stored() else { return nil }
    guard let trial = state.trial, !trial.isConfirmed, trial.triesLeft == 0 else { return state }
    state.abandon(version: state.version(of: trial.slot))
    do throws(ErrorClass) {
      try control.write(state)
      storage.discard(StorePaths.package(module, trial.slot))
    } catch {
      // Then it is so for this time.
    }
    return state
  }

  /// What came of looking at a slot.
  private enum Finding {
    case passes([UInt32])
    /// It will always be refused so.
    case fails(ErrorClass)
    /// Nothing can be said of the package now.
    case unclear(ErrorClass)
  }

  private func look(
    _ module: [UInt8], _ slot: Slot, _ checker: some FileChecker, _ known: inout [CheckedFile?]
  ) -> Finding {
    do throws(ErrorClass) {
      let checked = try check(module, slot, checker, &known)
      guard storage.exists(StorePaths.grant(module, epoch: checked.epoch)) else { return .unclear(.notFound) }
      return .passes(checked.version)
    } catch {
      return error.isFinalInCheck ? .fails(error) : .unclear(error)
    }
  }

  /// What a slot's package is, if it is let pass; asked for once.
  private func check(
    _ module: [UInt8], _ slot: Slot, _ checker: some FileChecker, _ known: inout [CheckedFile?]
  ) throws(ErrorClass) -> CheckedFile {
    let index = Int(slot.rawValue)
    if let checked = known[index] { return checked }
    let checked = try checker.check(StoredFile(StorePaths.package(module, slot), .reading, on: storage))
    guard checked.name == module, checked.role == StorePaths.bytes("module") else { throw .wrongModule }
    known[index] = checked
    return checked
  }
}
