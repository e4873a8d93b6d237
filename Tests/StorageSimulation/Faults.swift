public import DeviceStore
public import ErrorClass
import Synchronization

/// What can't be done with a broken file.
public enum Access: Sendable {
  /// Nothing can.
  case opening
  /// It can't be read, until it is written anew.
  case reading
  /// It can't be written, made durable, renamed or removed.
  case writing
  /// It can't be made durable.
  case synchronizing
}

extension SimulatedStorage {
  /// From now on there is room for so many bytes more, and for no new name if it is 0.
  public func fill(leaving room: Int) {
    state.withLock { $0.faults.capacity = $0.medium.size + room }
  }

  public func makeReadOnly() {
    state.withLock { $0.faults.isReadOnly = true }
  }

  /// Makes a file fail with `io`.
  public func damage(_ path: StoragePath, _ access: Access) throws(ErrorClass) {
    try state.withLock { (state) throws(ErrorClass) in
      guard let number = state.medium[try state.medium.place(path)] else { throw .notFound }
      state.faults.broken[number] = access
    }
  }

  /// No faults any more.
  public func repair() {
    state.withLock { $0.faults = Faults() }
  }

  // MARK: What is counted as no operation

  /// The paths of all files.
  public var paths: [StoragePath] {
    state.withLock { $0.medium.everyFile().map { StoragePath("").appending($0.path) } }
  }

  /// Nil if there is no such file.
  public func content(_ path: StoragePath) -> [UInt8]? {
    state.withLock { state in
      guard let place = try? state.medium.place(path), let number = state.medium[place] else { return nil }
      return state.medium.files[number]?.content
    }
  }

  /// Puts a file there, durably, with the directories that it needs.
  public func put(_ content: [UInt8], _ path: StoragePath) {
    state.withLock { state in
      var directory = Medium.root
      for name in path.directory.bytes.split(separator: UInt8(ascii: "/")).map(Array.init) {
        let next = state.medium.directories[directory]?[name] ?? state.medium.makeDirectory()
        state.medium.directories[directory]?[name] = next
        state.medium.directories[directory]?.synchronize()
        directory = next
      }
      let file = state.medium.makeFile()
      state.medium.files[file] = Medium.File(content)
      state.medium.directories[directory]?[path.name] = file
      state.medium.directories[directory]?.synchronize()
    }
  }

  /// Lets a file rot: changes one bit of it, counted from the first byte's lowest.
  public func flip(bit: Int, of path: StoragePath) {
    guard var content = content(path), bit / 8 < content.count else { return }
    content[bit / 8] ^= 1 << (bit % 8)
    put(content, path)
  }

  /// Tells one state from another, within this run. Names that aren't durable yet aren't told from those that are.
  public var fingerprint: Int {
    state.withLock { state in
      var hasher = Hasher()
      for (path, number) in state.medium.everything() {
        hasher.combine(path)
        guard let file = state.medium.files[number] else { continue }
        file.content.withUnsafeBytes { hasher.combine(bytes: $0) }
        // None in a storage that survived a cut.
        hasher.combine(file.pending.count)
        if !file.pending.isEmpty { file.durable.withUnsafeBytes { hasher.combine(bytes: $0) } }
      }
      return hasher.finalize()
    }
  }
}

extension SimulatedStorage.Faults {
  func checkRoom(_ medium: Medium, for more: Int) throws(ErrorClass) {
    guard let capacity, more > 0 else { return }
    guard more <= capacity - medium.size else { throw .noSpace }
  }

  func checkRoomForName(_ medium: Medium) throws(ErrorClass) {
    guard let capacity else { return }
    guard capacity > medium.size else { throw .noSpace }
  }

  mutating func rewrite(_ file: Medium.Number?) {
    if let file, broken[file] == .reading { broken[file] = nil }
  }

  func check(_ file: Medium.Number, _ access: Access) throws(ErrorClass) {
    guard let fault = broken[file] else { return }
    guard fault != .opening, fault != access else { throw .io }
  }
}
