public import ErrorClass
import SecureWorld

/// The modules of a device with their grants, the status lists, and what is staged for an update (SPEC 9.3).
///
/// It verifies nothing itself: a ``FileChecker`` does, whenever something is put in or used.
public struct ModuleStore<Medium: Storage & Sendable>: Sendable {
  public let storage: Medium

  public init(on storage: Medium) {
    self.storage = storage
  }

  /// What is known of a module's two slots.
  public func state(of module: [UInt8]) -> UpdateState { control(of: module).read() }

  /// Keeps the store from being opened anywhere else, as long as what is returned lives (SPEC 9.3): to be called before
  /// anything is changed. Nil where there can be no lock: then nothing can be changed either, or hardly.
  ///
  /// - Throws: `inUse`.
  public func open() throws(ErrorClass) -> StoredFile<Medium>? {
    do throws(ErrorClass) {
      try storage.makeDirectory(StorePaths.modules)
      return StoredFile(owning: try storage.lock(StorePaths.lock), on: storage)
    } catch {
      if error == .inUse { throw error }
      return nil
    }
  }

  func control(of module: [UInt8]) -> ControlFiles<Medium> {
    ControlFiles(StorePaths.module(module).appending("control"), on: storage)
  }

  // MARK: What comes in

  /// Makes a module's package, received whole and durable, the one on trial.
  func install(_ part: StoragePath, _ package: CheckedFile) throws(ErrorClass) {
    let control = control(of: package.name)
    let state = try knownState(of: package.name)
    try Self.requireRoom(in: state)
    // First the package: until the state names it, it is nobody's.
    let slot = state.idle
    try storage.makeWay(at: StorePaths.package(package.name, slot), for: .file)
    try storage.rename(part, to: StorePaths.package(package.name, slot))
    try storage.synchronizeDirectory(StorePaths.module(package.name))
    try control.update { $0.install(slot, version: package.version) }
  }

  /// Throws `onTrial` if nothing can be put on trial now.
  static func requireRoom(in state: UpdateState) throws(ErrorClass) {
    if state.trial?.isConfirmed == true { throw .onTrial }
  }

  /// The state, which is on file when this returns: where there is one, no slot is taken for good that it doesn't name.
  private func knownState(of module: [UInt8]) throws(ErrorClass) -> UpdateState {
    let control = control(of: module)
    if let state = control.stored() { return state }
    var state = UpdateState()
    // Both files were lost: what is there is what there is to fall back to.
    state.good = Slot.allCases.first { storage.exists(StorePaths.package(module, $0)) }
    try control.write(state)
    return state
  }

  /// Puts a whole file in the place of a former one, in one step. It must be durable.
  func replace(_ target: StoragePath, with file: StoragePath) throws(ErrorClass) {
    try makeDirectories(target.directory)
    try storage.makeWay(at: target, for: .file)
    try storage.rename(file, to: target)
    try storage.synchronizeDirectory(target.directory)
  }

  /// Makes a directory and those that it is in.
  func makeDirectories(_ path: StoragePath) throws(ErrorClass) {
    guard !path.bytes.isEmpty else { return }
    try makeDirectories(path.directory)
    try storage.makeWay(at: path, for: .directory)
    try storage.makeDirectory(path)
    try storage.synchronizeDirectory(path.directory)
  }

  // MARK: What comes of a trial

  /// A version that was started on trial. It is another one, or another start, that a later trial is of.
  public struct Trial: Equatable, Sendable {
    let slot: Slot
    let run: UInt64
    let version: [UInt32]
    let epoch: UInt64
  }

  /// Makes what was tried the good version, for good; the former one isn't needed any more.
  ///
  /// - Throws: `notFound` if this isn't what is on trial: another version was installed since, or it was given up.
  public func confirm(_ module: [UInt8], _ trial: Trial) throws(ErrorClass) {
    try control(of: module).update { (state) throws(ErrorClass) in
      guard state.holds(trial.slot, startedIn: trial.run) else { throw .notFound }
      if state.trial?.slot == trial.slot { state.makePermanent(version: trial.version) }
      guard state.good == trial.slot else { throw .notFound }
    }
    storage.discard(StorePaths.package(module, trial.slot.other))
    removeGrants(of: module, below: trial.epoch)
  }

  /// Gives up what was tried: it will never do.
  func abandon(_ module: [UInt8], _ trial: Trial, _ failure: LoadFailure) {
    let isTest = failure.errorClass == .selfTestFailed
    do throws(ErrorClass) {
      try control(of: module).update { (state) throws(ErrorClass) in
        guard state.holds(trial.slot, startedIn: trial.run), state.trial?.slot == trial.slot else { throw .notFound }
        state.note(
          isTest ? .selfTestFailed : .refused, trial.slot,
          detail: isTest ? failure.detail : UInt64(failure.errorClass.rawValue), version: trial.version)
        state.abandon(version: trial.version)
      }
      storage.discard(StorePaths.package(module, trial.slot))
    } catch {
      // It has used up one of its tries.
    }
  }

  /// Removes grants that only former versions needed.
  func removeGrants(of module: [UInt8], below epoch: UInt64) {
    for name in names(in: StorePaths.grants(of: module)) {
      guard let other = StorePaths.epoch(ofGrant: name), other < epoch else { continue }
      storage.discard(StorePaths.grants(of: module).appending(name))
    }
  }

  /// The names in a directory; none if it can't be read.
  func names(in directory: StoragePath) -> [[UInt8]] {
    do throws(ErrorClass) {
      return try storage.names(in: directory)
    } catch {
      return []
    }
  }
}

extension UpdateState {
  /// The version that a slot holds, as far as the history goes back.
  public func version(of slot: Slot) -> [UInt32]? {
    history.last { $0.slot == slot && $0.version != nil }?.version
  }

  /// Whether a slot still holds what was started from it in a run.
  func holds(_ slot: Slot, startedIn run: UInt64) -> Bool {
    guard let start = history.lastIndex(where: { $0.kind == .tried && $0.run == run && $0.slot == slot }) else {
      return false
    }
    return !history[start...].contains { $0.kind == .installed && $0.slot == slot }
  }
}
