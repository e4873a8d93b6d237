public import DeviceStore
public import ErrorClass
import HuskFormat

// Writing to the slot that isn't good (SPEC 7.11): updates, and copies of the good one.

extension BootSlots {
  /// Puts what is staged into the idle slot, and that on trial.
  ///
  /// - Parameter running: the slot that this boot has started; nil if none has.
  /// - Throws: `onTrial`; `notFound` if nothing is staged; the class with which the set is refused; `noSpace`, before
  ///   anything is changed where that can be told; `readOnly`, `io`.
  public func tryStaged(running: Slot?, _ state: BootState) throws(ErrorClass) {
    let known = self.state
    guard known.trial == nil else { throw .onTrial }
    let good = if let slot = known.good ?? running { slot } else { try goodAtTheFactory(state) }
    guard running == nil || running == good else { throw .onTrial }
    let staged = Stage.allCases.filter { storage.exists(BootPath.staged($0)) }
    guard !staged.isEmpty else { throw .notFound }
    let places = Stage.allCases.map { stage in
      (stage, staged.contains(stage) ? BootPath.staged(stage) : BootPath.package(stage, in: good))
    }
    let set = try fill(good.other, from: places, state)
    try control.update { (state) throws(ErrorClass) in
      state.assumeGood(good)
      state.install(good.other, version: set.version)
    }
  }

  /// Makes the idle slot a copy of the good one.
  public func refresh(from good: Slot, _ state: BootState) throws(ErrorClass) {
    let set = try fill(good.other, from: Stage.allCases.map { ($0, BootPath.package($0, in: good)) }, state)
    try control.update { (state) throws(ErrorClass) in state.note(.refreshed, good.other, version: set.version) }
  }

  /// The slot that counts as good on a device that has never started.
  private func goodAtTheFactory(_ state: BootState) throws(ErrorClass) -> Slot {
    do throws(StageRefusal) {
      _ = try check(.a, state)
      return .a
    } catch {
      throw error.errorClass
    }
  }
}

extension BootSlots {
  /// Fills a slot with a set from elsewhere. Nothing is changed if that set isn't whole or there is no room. The slot
  /// isn't whole until all is in it: a set of which one part is new and another is old is never started.
  private func fill(
    _ slot: Slot, from places: [(Stage, StoragePath)], _ state: BootState
  ) throws(ErrorClass) -> StageSet {
    let set: StageSet
    do throws(StageRefusal) {
      set = try check(places, state)
    } catch {
      throw error.errorClass
    }
    try storage.makeWay(at: BootPath.slot(slot), for: .directory)
    try storage.makeDirectory(BootPath.slot(slot))
    try storage.synchronizeDirectory(BootPath.slots)
    try sweep(slot)
    try checkRoom(for: slot, places)
    try empty(slot)
    for (place, manifest) in zip(places, set.manifests).reversed() {
      try copy(place.0, from: place.1, to: slot, manifest, state)
    }
    return set
  }

  /// Removes what an earlier copy that was cut off has left (SPEC 7.9).
  private func sweep(_ slot: Slot) throws(ErrorClass) {
    let folder = BootPath.slot(slot)
    for name in try storage.names(in: folder) where name.first == UInt8(ascii: ".") {
      try storage.removeAll(folder.appending(name))
    }
  }

  /// Without its bootloader a slot isn't whole.
  private func empty(_ slot: Slot) throws(ErrorClass) {
    do throws(ErrorClass) {
      try storage.removeAll(BootPath.package(.bootloader, in: slot))
    } catch {
      guard error == .notFound else { throw error }
      return
    }
    try storage.synchronizeDirectory(BootPath.slot(slot))
  }

  /// Copies a package, each segment checked in memory before it goes on.
  private func copy(
    _ stage: Stage, from path: StoragePath, to slot: Slot, _ manifest: Verified<Manifest>, _ state: BootState
  ) throws(ErrorClass) {
    let package = try StagePackage(stage, at: path, on: storage)
    // It was verified before, but may have been exchanged since.
    guard try package.decide(state) == manifest else { throw .io }
    try storage.replace(BootPath.package(stage, in: slot)) { (file) throws(ErrorClass) in
      try file.write(package.head, at: 0)
      try package.readPayload(manifest) { (segment, offset) throws(ErrorClass) in
        try file.write(segment, at: UInt64(package.head.count) + offset)
      }
    }
  }

  /// Throws `noSpace` if a set doesn't fit: each package is written beside the one that it replaces.
  private func checkRoom(for slot: Slot, _ places: [(Stage, StoragePath)]) throws(ErrorClass) {
    var free = try storage.freeSpace()
    func gain(_ path: StoragePath) {
      let (sum, overflow) = free.addingReportingOverflow(size(of: path))
      free = overflow ? .max : sum
    }
    // The old one goes before anything is written.
    gain(BootPath.package(.bootloader, in: slot))
    for (stage, path) in places.reversed() {
      let needed = size(of: path)
      guard free >= needed else { throw .noSpace }
      free -= needed
      if stage != .bootloader { gain(BootPath.package(stage, in: slot)) }
    }
  }

  /// 0 for what isn't there.
  private func size(of path: StoragePath) -> UInt64 {
    do throws(ErrorClass) {
      return try StoredFile(path, .reading, on: storage).size()
    } catch {
      return 0
    }
  }
}

// MARK: What a running boot notes

extension BootSlots {
  /// The slot that is on trial and running says that it is healthy. Nothing happens if it isn't on trial.
  public func confirm(_ slot: Slot) throws(ErrorClass) {
    try control.update { (state) throws(ErrorClass) in
      if state.trial?.slot == slot { state.confirm() }
    }
  }

  /// How a trial ended that wasn't confirmed.
  func note(_ kind: UpdateEvent.Kind, _ slot: Slot, detail: UInt64) throws(ErrorClass) {
    try control.update { (state) throws(ErrorClass) in
      guard let trial = state.trial, trial.slot == slot, !trial.isConfirmed else { return }
      state.note(kind, slot, detail: detail)
    }
  }
}
