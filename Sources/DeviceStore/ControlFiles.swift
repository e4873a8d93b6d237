import CBOR
public import ErrorClass

/// The pair of files that holds an ``UpdateState``, written in turn (SPEC 7.10).
public struct ControlFiles<Medium: Storage>: Sendable where Medium: Sendable {
  private let storage: Medium
  private let directory: StoragePath

  /// - Parameter directory: in which the two are; it is made with the first write.
  public init(_ directory: StoragePath, on storage: Medium) {
    self.storage = storage
    self.directory = directory
  }

  /// The state in force; an empty one if neither file is whole.
  public func read() -> UpdateState {
    stored() ?? UpdateState()
  }

  /// The state in force; nil if neither file is whole.
  func stored() -> UpdateState? {
    inForce()?.state
  }

  /// Puts a state in force; it is durable when this returns. If it throws, the former one or this one is in force.
  public func write(_ state: UpdateState) throws(ErrorClass) {
    let former = inForce()
    // What is overwritten now may be all that was durable.
    if let former {
      try makeDurable(former.file)
    } else {
      try storage.makeWay(at: directory, for: .directory)
      try storage.makeDirectory(directory)
    }
    let path = path(former?.file == 0 ? 1 : 0)
    try storage.makeWay(at: path, for: .file)
    let file = try StoredFile(path, .writing, on: storage)
    try makeNamesDurable()
    let bytes = ControlRecord(sequence: (former?.sequence ?? 0) &+ 1, state: state).encoded()
    try file.write(bytes, at: 0)
    try file.resize(to: UInt64(bytes.count))
    try file.synchronize()
  }

  /// Changes the state in force, which is durable when this returns; one that stays the same isn't written.
  public func update(_ change: (inout UpdateState) throws(ErrorClass) -> Void) throws(ErrorClass) {
    let former = read()
    var state = former
    try change(&state)
    try put(state, inPlaceOf: former)
  }

  /// Chooses what to start, and notes it before it is (SPEC 7.10): a trial that can't be noted isn't started.
  ///
  /// - Parameter check: as for ``UpdateState/choosing(_:)``; perhaps asked about a slot twice.
  /// - Returns: the choice, the state after it, and why that couldn't be written, if so.
  public func choose(
    _ check: (Slot) -> SlotCheck
  ) -> (choice: SlotChoice, state: UpdateState, failure: ErrorClass?) {
    let former = read()
    let (choice, state) = former.choosing(check)
    do throws(ErrorClass) {
      try put(state, inPlaceOf: former)
      return (choice, state, nil)
    } catch {
      guard case .trial = choice else { return (choice, state, error) }
      var withoutTrial = former
      withoutTrial.trial = nil
      let (choice, state) = withoutTrial.choosing(check)
      // With no control files and two sets the table asks for a trial again: then the fallback it names is taken.
      if case .trial(let slot) = choice { return (.good(slot.other), state, error) }
      return (choice, state, error)
    }
  }
}

extension ControlFiles {
  private func path(_ file: Int) -> StoragePath {
    directory.appending(file == 0 ? "0" : "1")
  }

  private func put(_ state: UpdateState, inPlaceOf former: UpdateState) throws(ErrorClass) {
    if state != former {
      try write(state)
    } else if let file = inForce()?.file {
      try makeDurable(file)
      try makeNamesDurable()
    }
  }

  /// For a file that was written before: whoever wrote it may have been ended before it was durable, and a power cut would
  /// take back what is relied on now.
  private func makeDurable(_ file: Int) throws(ErrorClass) {
    try StoredFile(path(file), .reading, on: storage).synchronize()
  }

  private func makeNamesDurable() throws(ErrorClass) {
    try storage.synchronizeDirectory(directory)
    try storage.synchronizeDirectory(directory.directory)
  }

  private func inForce() -> (state: UpdateState, sequence: UInt64, file: Int)? {
    var found: (state: UpdateState, sequence: UInt64, file: Int)?
    for file in 0..<2 {
      guard let record = record(file) else { continue }
      // Around the end of the numbers too: no file is the last one that can be written.
      if let found, Int64(bitPattern: record.sequence &- found.sequence) <= 0 { continue }
      found = (record.state, record.sequence, file)
    }
    return found
  }

  /// Nil if the file isn't there or isn't whole.
  private func record(_ file: Int) -> ControlRecord? {
    do throws(ErrorClass) {
      return ControlRecord(try storage.content(of: path(file), atMost: ControlRecord.maximumSize))
    } catch {
      return nil
    }
  }
}
