import DeviceStore
import ErrorClass
import StorageSimulation
import TestSupport
import Testing

/// All that can be found after a power cut at any operation of something that is done with a storage.
func survivors(
  _ base: SimulatedStorage, randoms: Int = 8, _ body: (SimulatedStorage) throws(ErrorClass) -> Void
) -> [(storage: SimulatedStorage, cut: Int, isDone: Bool)] {
  var found: [(storage: SimulatedStorage, cut: Int, isDone: Bool)] = []
  for cut in 1... {
    let storage = base.restarted(cut: cut)
    let outcome = refusal { () throws(ErrorClass) in try body(storage) }
    for survival in Survival.all(seed: UInt64(cut), randoms: randoms) {
      found.append((storage.surviving(survival), cut, outcome == nil))
    }
    guard storage.isDead else { break }
  }
  return found
}

/// The simulated storage is as unreliable as SPEC 7.9 says: whoever relies on more is found out.
@Suite("The power-cut simulator")
struct SimulationTests {
  private func base() throws -> SimulatedStorage {
    let storage = SimulatedStorage()
    storage.put(testBytes(10_000), "folder/file")
    return storage
  }

  private let new = testBytes(10_000, seed: 99)

  private func contents(
    _ body: (SimulatedStorage) throws(ErrorClass) -> Void
  ) throws -> (found: Set<[UInt8]?>, whenDone: Set<[UInt8]?>) {
    let all = survivors(try base(), body)
    return (
      Set(all.map { $0.storage.content("folder/file") }),
      Set(all.filter(\.isDone).map { $0.storage.content("folder/file") })
    )
  }

  @Test("shows that a file that is overwritten in place may be neither old nor new")
  func inPlace() throws {
    let (found, whenDone) = try contents { (storage) throws(ErrorClass) in
      let file = try StoredFile("folder/file", .writing, on: storage)
      try file.write(new, at: 0)
      try file.synchronize()
    }
    #expect(found.subtracting([testBytes(10_000), new]).count > 3)
    #expect(whenDone == [new])
  }

  @Test("shows that a rename before the content is durable may lead to an empty file, or half of one")
  func renameFirst() throws {
    let (found, _) = try contents { (storage) throws(ErrorClass) in
      let file = try StoredFile("folder/.file", .writing, on: storage)
      try file.write(new, at: 0)
      try storage.rename("folder/.file", to: "folder/file")
      try file.synchronize()
      try storage.synchronizeDirectory("folder")
    }
    #expect(found.contains([]))
    #expect(found.subtracting([testBytes(10_000), new, []]).count > 1)
  }

  @Test("shows that a name is lost whose directory isn't made durable, though the content is")
  func unsynchronizedDirectory() throws {
    let (_, whenDone) = try contents { (storage) throws(ErrorClass) in
      try storage.replace("folder/.other") { (file) throws(ErrorClass) in try file.write(new, at: 0) }
      try storage.rename("folder/.other", to: "folder/file")
    }
    #expect(whenDone == [testBytes(10_000), new])
  }

  @Test("shows that later writes may survive earlier ones")
  func order() throws {
    let all = survivors(try base()) { (storage) throws(ErrorClass) in
      let file = try StoredFile("folder/file", .writing, on: storage)
      try file.write([1], at: 0)
      try file.write([2], at: 9999)
    }
    let changed = Set(all.map { [$0.storage.content("folder/file")?.first, $0.storage.content("folder/file")?.last] })
    let (first, last) = (testBytes(10_000)[0], testBytes(10_000)[9999])
    #expect(changed == [[first, last], [1, last], [first, 2], [1, 2]])
  }

  @Test("shows that a new directory may be gone with all that is in it")
  func newDirectory() throws {
    let storage = SimulatedStorage()
    try storage.makeDirectory("new")
    try put([1], "new/file", on: storage)
    #expect(storage.surviving(.nothing).paths == [])
    #expect(storage.surviving(.everything).paths == ["new/file"])
    try storage.synchronizeDirectory("")
    #expect(storage.surviving(.nothing).paths == ["new/file"])
  }

  @Test("keeps for another process what it may still lose to a cut")
  func restarted() throws {
    let storage = try base()
    let file = try StoredFile("folder/file", .writing, on: storage)
    try file.write([1], at: 0)
    let next = storage.restarted()
    #expect(next.content("folder/file")?.first == 1)
    #expect(next.surviving(.nothing).content("folder/file") == testBytes(10_000))
  }

  @Test("is gone for good after a cut, and does the same for the same seed")
  func determinism() throws {
    func run() throws -> [Int] {
      survivors(try base()) { (storage) throws(ErrorClass) in
        try replace("folder/file", with: new, on: storage)
        try replace("folder/other", with: new, on: storage)
      }.map(\.storage.fingerprint)
    }
    #expect(try run() == run())
    let storage = try base().restarted(cut: 2)
    _ = try storage.names(in: "folder")
    for _ in 0..<3 { #expect(refusal { () throws(ErrorClass) in _ = try storage.names(in: "folder") } == .io) }
    #expect(storage.operations == 2)
  }
}

/// SPEC 7.9.
@Suite("Replacing a file")
struct ReplaceTests {
  @Test("leaves the old content or the new one, whenever the power goes, and the new one once it said so")
  func cuts() throws {
    let base = SimulatedStorage()
    base.put(testBytes(10_000), "folder/file")
    base.put(testBytes(20_000), "folder/.file")
    let new = testBytes(9_000, seed: 5)
    let all = survivors(base, randoms: 14) { (storage) throws(ErrorClass) in
      try replace("folder/file", with: new, on: storage)
    }
    #expect(all.count > 100)
    for (storage, cut, isDone) in all {
      let found = storage.content("folder/file")
      #expect(found == new || (!isDone && found == testBytes(10_000)), "cut \(cut)")
      // And again, with a cut again: also when both names lead to one file now.
      let other = testBytes(5_000, seed: 7)
      for (second, cut, isDone) in survivors(
        storage, randoms: 1, { (storage) throws(ErrorClass) in try replace("folder/file", with: other, on: storage) })
      {
        let last = second.content("folder/file")
        #expect(last == other || (!isDone && last == found), "cut \(cut)")
      }
    }
  }

  @Test("that isn't there yet makes all of it or none")
  func first() throws {
    let base = SimulatedStorage()
    base.put([1], "folder/other")
    for (storage, cut, isDone) in survivors(
      base, { (storage) throws(ErrorClass) in try replace("folder/file", with: testBytes(9_000), on: storage) })
    {
      let found = storage.content("folder/file")
      #expect(found == testBytes(9_000) || (!isDone && found == nil), "cut \(cut)")
      #expect(storage.content("folder/other") == [1])
    }
  }

  @Test("that fails leaves the old content and nothing else, whatever the reason")
  func failures() throws {
    let cases: [(ErrorClass, (SimulatedStorage) throws -> Void)] = [
      (.noSpace, { $0.fill(leaving: 5000) }),
      (.noSpace, { $0.fill(leaving: 0) }),
      (.readOnly, { $0.makeReadOnly() }),
    ]
    for (expected, fault) in cases {
      let storage = SimulatedStorage()
      storage.put([1], "folder/file")
      try fault(storage)
      #expect(
        refusal { () throws(ErrorClass) in try replace("folder/file", with: testBytes(9_000), on: storage) } == expected
      )
      #expect(storage.paths == ["folder/file"])
      #expect(storage.surviving(.nothing).content("folder/file") == [1])
    }
  }
}
