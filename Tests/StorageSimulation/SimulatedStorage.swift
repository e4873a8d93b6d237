public import DeviceStore
public import ErrorClass
import Synchronization

/// A storage in memory that keeps no more than SPEC 7.9 promises, and that tests take the power from, fill up and damage.
///
/// It is deterministic: the same calls come to the same, whatever the random survival of a cut is seeded with.
public final class SimulatedStorage: Storage, Sendable {
  let state: Mutex<State>

  struct State {
    var medium: Medium
    var open: [Int32: Medium.Number] = [:]
    var locks: Set<Int32> = []
    var nextHandle: Int32 = 3
    var operations = 0
    /// The number of the operation that the power goes in.
    var cut: Int?
    var isDead = false
    var faults = Faults()
  }

  /// Faults other than power.
  struct Faults {
    var capacity: Int?
    var isReadOnly = false
    var broken: [Medium.Number: Access] = [:]
  }

  /// With nothing in it.
  public convenience init() {
    self.init(Medium())
  }

  private init(_ medium: Medium, cut: Int? = nil) {
    state = Mutex(State(medium: medium, cut: cut))
  }

  // MARK: Power

  /// How many operations were asked for, those after the cut left out.
  public var operations: Int { state.withLock { $0.operations } }

  /// Whether the power is gone: every operation is `io` from then on, and does nothing.
  public var isDead: Bool { state.withLock { $0.isDead } }

  /// What is there after a power cut: all of it durable, nothing open, no faults.
  ///
  /// - Parameter cut: the number of the operation, from 1 on, that the power goes in: it may have happened, in part or not
  ///   at all, as SPEC 7.9 has it. Nil for never.
  public func surviving(_ survival: Survival, cut: Int? = nil) -> SimulatedStorage {
    SimulatedStorage(state.withLock { $0.medium.surviving(survival) }, cut: cut)
  }

  /// The same storage seen by another process, after this one ended with the power on: what wasn't durable still isn't.
  public func restarted(cut: Int? = nil) -> SimulatedStorage {
    SimulatedStorage(state.withLock { $0.medium }, cut: cut)
  }

  // MARK: Storage

  public func open(_ path: StoragePath, _ mode: StorageMode) throws(ErrorClass) -> Int32 {
    try change(mode == .writing ? .changing : .reading) { (state) throws(ErrorClass) in
      let place = try state.medium.place(path)
      let number: Medium.Number
      if let found = state.medium[place] {
        guard state.medium.files[found] != nil else { throw .io }
        if mode == .writing, state.faults.isReadOnly { throw .readOnly }
        number = found
      } else {
        guard mode == .writing else { throw .notFound }
        try state.faults.checkRoomForName(state.medium)
        if state.faults.isReadOnly { throw .readOnly }
        number = state.medium.makeFile()
        state.medium[place] = number
      }
      try state.faults.check(number, .opening)
      let handle = state.nextHandle
      state.nextHandle += 1
      state.open[handle] = number
      return handle
    }
  }

  public func close(_ file: Int32) {
    state.withLock { state in
      state.open[file] = nil
      state.locks.remove(file)
    }
  }

  public func lock(_ path: StoragePath) throws(ErrorClass) -> Int32 {
    let file = try open(path, .writing)
    let isFree = state.withLock { state in
      guard !state.locks.contains(where: { state.open[$0] == state.open[file] }) else { return false }
      state.locks.insert(file)
      return true
    }
    if isFree { return file }
    close(file)
    throw .inUse
  }

  public func size(of file: Int32) throws(ErrorClass) -> UInt64 {
    try change(.reading) { (state) throws(ErrorClass) in UInt64(try state.file(file, .opening).content.count) }
  }

  public func read(_ file: Int32, at offset: UInt64, count: Int) throws(ErrorClass) -> [UInt8] {
    try change(.reading) { (state) throws(ErrorClass) in
      let content = try state.file(file, .reading).content
      guard count > 0 else { return [] }
      guard let start = Int(exactly: offset), start <= content.count, count <= content.count - start else { throw .io }
      return Array(content[start..<start + count])
    }
  }

  public func write(_ bytes: RawSpan, to file: Int32, at offset: UInt64) throws(ErrorClass) {
    let bytes = bytes.withUnsafeBytes { Array($0) }
    try change(.changing) { (state) throws(ErrorClass) in
      let size = try state.file(file, .writing).content.count
      guard let start = Int(exactly: offset), start < Self.maximumSize else { throw .io }
      if state.faults.isReadOnly { throw .readOnly }
      try state.faults.checkRoom(state.medium, for: start + bytes.count - size)
      state.faults.rewrite(state.open[file])
      state.changeFile(file) { $0.write(bytes, at: start) }
    }
  }

  public func resize(_ file: Int32, to size: UInt64) throws(ErrorClass) {
    try change(.changing) { (state) throws(ErrorClass) in
      _ = try state.file(file, .writing)
      guard let size = Int(exactly: size), size < Self.maximumSize else { throw .io }
      if state.faults.isReadOnly { throw .readOnly }
      state.changeFile(file) { $0.resize(to: size) }
    }
  }

  /// What tests need; a file of this size would take all memory.
  private static let maximumSize = 1 << 30

  public func synchronize(_ file: Int32) throws(ErrorClass) {
    try change(.durability) { (state) throws(ErrorClass) in
      _ = try state.file(file, .writing)
      _ = try state.file(file, .synchronizing)
      state.changeFile(file) { $0.synchronize() }
    }
  }

  public func rename(_ path: StoragePath, to target: StoragePath) throws(ErrorClass) {
    try change(.changing) { (state) throws(ErrorClass) in
      let source = try state.medium.place(path)
      let place = try state.medium.place(target)
      guard let number = state.medium[source] else { throw .notFound }
      if state.faults.isReadOnly { throw .readOnly }
      try state.faults.check(number, .writing)
      guard state.medium[place] != number else { return }
      if let replaced = state.medium[place] {
        let areAlike = (state.medium.files[number] == nil) == (state.medium.files[replaced] == nil)
        guard areAlike, state.medium.directories[replaced]?.listed.isEmpty != false else { throw .io }
      }
      // Nothing can be moved into itself.
      guard try !state.medium.leads(target.directory, through: number) else { throw .io }
      state.medium[source] = nil
      state.medium[place] = number
    }
  }

  public func remove(_ path: StoragePath) throws(ErrorClass) {
    try change(.changing) { (state) throws(ErrorClass) in
      let place = try state.medium.place(path)
      guard let number = state.medium[place] else { throw .notFound }
      guard state.medium.directories[number]?.listed.isEmpty != false else { throw .io }
      if state.faults.isReadOnly { throw .readOnly }
      try state.faults.check(number, .writing)
      state.medium[place] = nil
    }
  }

  public func makeDirectory(_ path: StoragePath) throws(ErrorClass) {
    try change(.changing) { (state) throws(ErrorClass) in
      if path.bytes.isEmpty { return }
      let place = try state.medium.place(path)
      guard state.medium[place] == nil else { return }
      if state.faults.isReadOnly { throw .readOnly }
      try state.faults.checkRoomForName(state.medium)
      state.medium[place] = state.medium.makeDirectory()
    }
  }

  public func synchronizeDirectory(_ path: StoragePath) throws(ErrorClass) {
    try change(.durability) { (state) throws(ErrorClass) in
      state.medium.directories[try state.medium.directory(path)]?.synchronize()
    }
  }

  public func names(in directory: StoragePath) throws(ErrorClass) -> [[UInt8]] {
    try change(.reading) { (state) throws(ErrorClass) in
      let listed = state.medium.directories[try state.medium.directory(directory)]?.listed ?? []
      return listed.sorted { $0.lexicographicallyPrecedes($1) }
    }
  }

  public func kind(of path: StoragePath) throws(ErrorClass) -> StorageKind? {
    try change(.reading) { (state) throws(ErrorClass) in
      let number: Medium.Number?
      do throws(ErrorClass) {
        number = state.medium[try state.medium.place(path)]
      } catch {
        guard error == .notFound else { throw error }
        return nil
      }
      return number.map { state.medium.files[$0] == nil ? .directory : .file }
    }
  }

  public func freeSpace() throws(ErrorClass) -> UInt64 {
    try change(.reading) { (state) throws(ErrorClass) in
      guard let capacity = state.faults.capacity else { return 1 << 40 }
      return UInt64(max(0, capacity - state.medium.size))
    }
  }
}

extension SimulatedStorage {
  private enum Kind {
    case reading
    /// What a cut may leave done, for all that is known.
    case changing
    /// What a cut leaves undone: that everything survives is the same as if it were done.
    case durability
  }

  /// Counts an operation, and does it if the power is there.
  private func change<Result: Sendable>(
    _ kind: Kind, _ body: (inout State) throws(ErrorClass) -> Result
  ) throws(ErrorClass) -> Result {
    try state.withLock { (state) throws(ErrorClass) in
      guard !state.isDead else { throw .io }
      state.operations += 1
      guard state.operations == state.cut else { return try body(&state) }
      state.isDead = true
      if kind == .changing { _ = try? body(&state) }
      throw .io
    }
  }
}

extension SimulatedStorage.State {
  fileprivate func file(_ handle: Int32, _ access: Access) throws(ErrorClass) -> Medium.File {
    guard let number = open[handle], let file = medium.files[number] else { throw .io }
    try faults.check(number, access)
    return file
  }

  fileprivate mutating func changeFile(_ handle: Int32, _ change: (inout Medium.File) -> Void) {
    guard let number = open[handle], var file = medium.files.removeValue(forKey: number) else { return }
    change(&file)
    medium.files[number] = file
  }
}
