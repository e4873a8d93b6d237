import ErrorClass
import StorageSimulation
import Testing

@testable import DeviceStore

private let directory: StoragePath = "boot/control"
private let files: [StoragePath] = ["boot/control/0", "boot/control/1"]

private func state(_ run: UInt64) -> UpdateState {
  UpdateState(run: run, good: .a, trial: nil, history: [])
}

private func storage(writes: Int = 0) throws(ErrorClass) -> SimulatedStorage {
  let storage = SimulatedStorage()
  try storage.makeDirectory("boot")
  try storage.synchronizeDirectory("")
  for run in 0..<writes { try ControlFiles(directory, on: storage).write(state(UInt64(run) + 1)) }
  return storage.surviving(.nothing)
}

private func read(_ storage: SimulatedStorage) -> UpdateState { ControlFiles(directory, on: storage).read() }

private func write(_ run: UInt64, on storage: SimulatedStorage) -> ErrorClass? {
  refusal { () throws(ErrorClass) in try ControlFiles(directory, on: storage).write(state(run)) }
}

/// SPEC 7.10.
@Suite("Control files")
struct ControlFilesTests {
  @Test("of a new device say nothing, and are made with the first write")
  func new() throws {
    let storage = try storage()
    #expect(read(storage) == UpdateState())
    #expect(storage.paths.isEmpty)
    #expect(write(1, on: storage) == nil)
    #expect(storage.paths.count == 1)
    #expect(read(storage.surviving(.nothing)) == state(1))
  }

  @Test("are written in turn, and what was written is durable")
  func turns() throws {
    let storage = try storage()
    var before: [[UInt8]?] = [nil, nil]
    for run in 1...6 as ClosedRange<UInt64> {
      #expect(write(run, on: storage) == nil)
      let now = files.map { storage.content($0) }
      #expect((now[0] == before[0]) != (now[1] == before[1]))
      #expect(read(storage.surviving(.nothing)) == state(run))
      before = now
    }
  }

  @Test("that stay the same aren't written")
  func unchanged() throws {
    let storage = try storage(writes: 2)
    let before = files.map { storage.content($0) }
    try ControlFiles(directory, on: storage).update { (state) throws(ErrorClass) in state.confirm(version: nil) }
    #expect(files.map { storage.content($0) } == before)
  }

  @Test("survive a power cut at any operation of a write with the old state or the new one", arguments: 0..<4)
  func cuts(writes: Int) throws {
    let base = try storage(writes: writes)
    let old = writes == 0 ? UpdateState() : state(UInt64(writes))
    var points = 0
    for cut in 1... {
      let storage = base.restarted(cut: cut)
      let outcome = write(99, on: storage)
      guard storage.isDead else {
        #expect(outcome == nil)
        break
      }
      #expect(outcome == .io)
      for survival in Survival.all(seed: UInt64(cut), randoms: 12) {
        points += 1
        let after = storage.surviving(survival)
        let found = read(after)
        #expect(found == old || found == state(99), "cut \(cut), \(survival)")
        #expect(write(100, on: after) == nil)
        #expect(read(after.surviving(.nothing)) == state(100))
      }
    }
    #expect(points > 100)
  }

  @Test("survive a cut after a process was ended at any operation, and another one went on")
  func endedProcess() throws {
    for writes in 0..<4 {
      let base = try storage(writes: writes)
      for end in 1... {
        let ended = base.restarted(cut: end)
        _ = write(50, on: ended)
        guard ended.isDead else { break }
        let seen = read(ended.restarted())
        for cut in 1... {
          let next = ended.restarted(cut: cut)
          let outcome = write(51, on: next)
          for survival in Survival.all(seed: UInt64(cut), randoms: 4) {
            let found = read(next.surviving(survival))
            let possible = outcome == nil ? [state(51)] : [state(UInt64(writes)), state(50), seen, state(51)]
            let isNew = writes == 0 && outcome != nil && found == UpdateState()
            #expect(isNew || possible.contains(found), "\(writes) writes, end \(end), cut \(cut), \(survival)")
          }
          guard next.isDead else { break }
        }
      }
    }
  }

  @Test("one torn, rotten, missing or of nonsense leaves the other")
  func damaged() throws {
    let damages: [(SimulatedStorage, StoragePath) throws -> Void] = [
      { $0.flip(bit: 100, of: $1) },
      { storage, path in storage.put(Array((storage.content(path) ?? []).dropLast()), path) },
      { storage, path in storage.put([], path) },
      { storage, path in storage.put(testBytes(5000), path) },
      { storage, path in try storage.remove(path) },
      { storage, path in try storage.damage(path, .opening) },
      { storage, path in try storage.damage(path, .reading) },
      { storage, path in
        try storage.remove(path)
        try storage.makeDirectory(path)
      },
    ]
    for (number, damage) in damages.enumerated() {
      for (file, path) in files.enumerated() {
        // The second write lies in file 1.
        let storage = try storage(writes: 2)
        try damage(storage, path)
        #expect(read(storage) == state(file == 1 ? 1 : 2), "damage \(number)")
        // A file that can't be repaired stays as it is; the state in force is left alone even so.
        let outcome = write(9, on: storage)
        #expect(read(storage) == (outcome == nil ? state(9) : state(file == 1 ? 1 : 2)), "damage \(number)")
        storage.repair()
      }
    }
  }

  @Test("both lost are those of a new device, and go on from there")
  func lost() throws {
    let storage = try storage(writes: 3)
    for path in files { storage.flip(bit: 7, of: path) }
    #expect(read(storage) == UpdateState())
    #expect(write(1, on: storage) == nil)
    #expect(read(storage.surviving(.nothing)) == state(1))
  }

  @Test("go on behind any sequence number, the last one too: none can be put there that nothing comes after")
  func lastSequence() throws {
    for sequence in [.max - 1, .max, 1 << 63, (1 << 63) - 1] as [UInt64] {
      for other in [0, 1, .max, sequence &+ 1 << 63] {
        let storage = try storage()
        storage.put(ControlRecord(sequence: sequence, state: state(7)).encoded(), files[0])
        storage.put(ControlRecord(sequence: other, state: state(7)).encoded(), files[1])
        for run in 8...12 as ClosedRange<UInt64> {
          #expect(write(run, on: storage) == nil)
          #expect(read(storage) == state(run), "\(sequence), \(other)")
        }
      }
    }
  }

  @Test("are written whatever is in the place of one of them, or of their folder", arguments: [nil, 0, 1])
  func obstacles(file: Int?) throws {
    let storage = try storage(writes: 3)
    let place = file.map { files[$0] } ?? directory
    try storage.removeAll(place)
    if file == nil { storage.put([1], place) } else { storage.put([1], place.appending("x").appending("y")) }
    let found = read(storage)
    #expect(found == (file == nil ? UpdateState() : state(file == 0 ? 2 : 3)))
    for run in 8...10 as ClosedRange<UInt64> {
      #expect(write(run, on: storage) == nil)
      #expect(read(storage.surviving(.nothing)) == state(run))
    }
  }

  @Test("that can't be written say why, and keep the state in force")
  func failures() throws {
    let cases: [(ErrorClass, (SimulatedStorage) throws -> Void)] = [
      (.readOnly, { $0.makeReadOnly() }),
      (.noSpace, { $0.fill(leaving: 0) }),
      (.io, { try $0.damage(files[0], .opening) }),
      (.io, { try $0.damage(files[0], .writing) }),
      (.io, { try $0.damage(files[0], .synchronizing) }),
      (.io, { try $0.damage(files[1], .synchronizing) }),
    ]
    for (expected, fault) in cases {
      let storage = try storage(writes: 2)
      try fault(storage)
      var longer = state(3)
      for _ in 0..<9 { longer.note(.tried, .b) }
      let outcome = refusal { () throws(ErrorClass) in try ControlFiles(directory, on: storage).write(longer) }
      #expect(outcome == expected)
      #expect(read(storage.surviving(.nothing)) == state(2))
      storage.repair()
      #expect(write(4, on: storage) == nil)
      #expect(read(storage.surviving(.nothing)) == state(4))
    }
  }

  private func choose(
    _ former: UpdateState, checks: (a: ErrorClass?, b: ErrorClass?), fault: (SimulatedStorage) -> Void
  ) throws -> (choice: SlotChoice, failure: ErrorClass?) {
    let storage = try storage()
    if former != UpdateState() { try ControlFiles(directory, on: storage).write(former) }
    fault(storage)
    let outcome = ControlFiles(directory, on: storage).choose { slot in
      (slot == .a ? checks.a : checks.b).map(SlotCheck.fails) ?? .passes(version: nil)
    }
    #expect(outcome.failure != nil || read(storage.surviving(.nothing)) == outcome.state)
    return (outcome.choice, outcome.failure)
  }

  @Test("choosing writes what changed before it answers, for every state and every outcome of the checks")
  func choosing() throws {
    for state in everyState {
      for checks in everyCheck {
        let outcome = try choose(state, checks: checks) { _ in }
        #expect(outcome.failure == nil)
        let expected = state.choosing { slot in
          (slot == .a ? checks.a : checks.b).map(SlotCheck.fails) ?? .passes(version: nil)
        }
        #expect(outcome.choice == expected.choice)
      }
    }
  }

  @Test("a trial that can't be noted isn't started: what the table gives without it is, and the failure is told")
  func choosingWithoutRoom() throws {
    for state in everyState {
      for checks in everyCheck {
        let outcome = try choose(state, checks: checks) { $0.makeReadOnly() }
        if case .trial = outcome.choice { Issue.record("a trial was started: \(state)") }
        let passing = [checks.a == nil ? Slot.a : nil, checks.b == nil ? .b : nil].compactMap { $0 }
        guard let first = passing.first else {
          if case .good = outcome.choice { Issue.record("what fails was started: \(state)") }
          continue
        }
        let good = state.trial?.isConfirmed == true ? state.trial?.slot : state.good
        // With nothing known and both passing, b is what would be fallen back to.
        let expected = passing.count == 1 ? first : good ?? .b
        #expect(outcome.choice == .good(expected), "\(state), \(checks)")
      }
    }
  }
}
