public import ErrorClass
public import SecureWorld

/// Receives a package, grant or status list in pieces of any size and installs it (SPEC 9.4).
///
///     var reception = Reception(into: store, checker)
///     while … { try reception.take(piece) }
///     let file = try reception.finish()
///
/// What arrived of a package outlives this value: another reception of the same package goes on behind the last good
/// segment.
public struct Reception<Medium: Storage & Sendable, Checker: FileChecker>: ~Copyable {
  private let store: ModuleStore<Medium>
  private let checker: Checker
  /// How many bytes of the file have come, those of an earlier reception included.
  public private(set) var position: UInt64 = 0
  /// How many bytes there are in all; nil until that is known.
  public private(set) var size: UInt64?
  /// What has come and isn't in a file yet: all of it until the front is whole.
  private var pending: [UInt8] = []
  private var part: PartialPackage<Medium>?
  /// Why it can't go on.
  private var failure: ErrorClass?

  /// So much is written at a time.
  private static var pieceSize: Int { 65_536 }
  /// What must be left beside the package, for control files and directories.
  private static var reserve: UInt64 { 65_536 }

  /// - Parameters:
  ///   - name: the module, or the stage (as `bootloader`), whose package an earlier reception left unfinished:
  ///     ``position`` says then from which byte it goes on. 0 if there is nothing to go on with. Nil to begin.
  public init(into store: ModuleStore<Medium>, _ checker: Checker, resuming name: [UInt8]? = nil) throws(ErrorClass) {
    self.store = store
    self.checker = checker
    if let name { try resume(name) }
  }

  /// Takes the next bytes. After an error nothing more is taken.
  public mutating func take(_ bytes: UnsafeRawBufferPointer) throws(ErrorClass) {
    if let failure { throw failure }
    do throws(ErrorClass) {
      var rest = bytes[...]
      while !rest.isEmpty { rest = rest.dropFirst(try takeSome(rest)) }
    } catch {
      failure = error
      throw error
    }
  }

  /// Installs what has been received; it is in force, and durable, when this returns.
  ///
  /// - Throws: `sizeMismatch` if there is more to come; then another reception may go on.
  public mutating func finish() throws(ErrorClass) -> CheckedFile {
    if let failure { throw failure }
    // Whatever comes of it, there is no second time.
    failure = .invalidArgument
    if part == nil, try FileBeginning(pending) == .small { return try installSmall() }
    // So small a package that all of it fits where a front may be.
    if part == nil { try openPart() }
    try flush()
    try part?.checkArrived(checker)
    guard part?.isWhole == true, let part = part.take() else { throw .sizeMismatch }
    try part.synchronize()
    let (path, package) = (part.path, part.package)
    // Closed before it is renamed.
    _ = consume part
    if let stage = StorePaths.stage(role: package.role) {
      try store.replace(StorePaths.staged(stage), with: path)
    } else {
      try store.install(path, package)
    }
    // A power cut may once have left a second name.
    store.storage.discard(path)
    return package
  }

  /// Ends without installing. What arrived of a package is durable, to go on with.
  public mutating func close() {
    guard part != nil else { return }
    do throws(ErrorClass) {
      if failure == nil { try flush() }
      try part?.synchronize()
    } catch {
      // Then less of it is there.
    }
    part = nil
  }
}

extension Reception {
  /// Takes as many bytes as make a step; returns how many.
  private mutating func takeSome(_ bytes: Slice<UnsafeRawBufferPointer>) throws(ErrorClass) -> Int {
    guard let whole = size, let stored = part?.size else { return try takeOfBeginning(bytes) }
    let there = stored + UInt64(pending.count)
    if position < there {
      // It is here already, and was checked.
      let count = min(bytes.count, Int(clamping: there - position))
      position += UInt64(count)
      return count
    }
    let count = min(bytes.count, Self.pieceSize - pending.count)
    guard UInt64(count) <= whole - there else { throw .sizeMismatch }
    pending.append(contentsOf: bytes.prefix(count))
    position += UInt64(count)
    if pending.count == Self.pieceSize || position == whole { try flush() }
    return count
  }

  private mutating func takeOfBeginning(_ bytes: Slice<UnsafeRawBufferPointer>) throws(ErrorClass) -> Int {
    let needed =
      switch try FileBeginning(pending) {
      case .unknown(let needed): needed
      case .package(let front): front
      case .small: FileBeginning.mostSmall
      }
    guard needed > pending.count else { throw .limitExceeded }
    let count = min(bytes.count, needed - pending.count)
    pending.append(contentsOf: bytes.prefix(count))
    position += UInt64(count)
    if case .package(let front) = try FileBeginning(pending), pending.count == front { try openPart() }
    return count
  }

  private mutating func flush() throws(ErrorClass) {
    guard !pending.isEmpty else { return }
    let bytes = pending
    pending.removeAll(keepingCapacity: true)
    try part?.append(bytes, checker)
  }

  // MARK: Packages

  /// Has the front checked, and finds or makes the file that the package goes to.
  private mutating func openPart() throws(ErrorClass) {
    let package = try checkFront()
    // With the front came up to eight bytes of what follows; there may not be so many.
    guard UInt64(pending.count) <= package.payloadOffset &+ package.payloadSize else { throw .sizeMismatch }
    let path = try place(package)
    if try begins(path, with: pending, upTo: package.payloadOffset) {
      store.storage.discard(StorePaths.front)
      try adopt(path, package)
    } else {
      try store.replace(path, with: StorePaths.front)
      part = try PartialPackage(path, package, on: store.storage)
    }
    // The front may have brought some of the payload.
    pending.removeFirst(min(pending.count, Int(clamping: part?.size ?? 0)))
    size = part?.wholeSize
    try checkRoom()
  }

  /// Writes what came into a file that nothing else is written to, and has it checked.
  private func checkFront() throws(ErrorClass) -> CheckedFile {
    let path = StorePaths.front
    store.storage.discard(path)
    do throws(ErrorClass) {
      try store.makeDirectories(path.directory)
      let file = try StoredFile(path, .writing, on: store.storage)
      try file.write(pending, at: 0)
      let checked = try checker.check(file)
      try file.synchronize()
      return checked
    } catch {
      store.storage.discard(path)
      throw error
    }
  }

  /// Where a package is received.
  private func place(_ package: CheckedFile) throws(ErrorClass) -> StoragePath {
    if let stage = StorePaths.stage(role: package.role) { return StorePaths.part(ofStage: stage) }
    guard package.role == StorePaths.bytes("module"), StorePaths.isName(package.name) else { throw .protocol }
    try ModuleStore<Medium>.requireRoom(in: store.state(of: package.name))
    return StorePaths.part(of: package.name)
  }

  /// Whether a file is there that begins with the same front.
  private func begins(_ path: StoragePath, with bytes: [UInt8], upTo size: UInt64) throws(ErrorClass) -> Bool {
    let count = Int(clamping: size)
    do throws(ErrorClass) {
      let file = try StoredFile(path, .reading, on: store.storage)
      guard try file.size() >= size else { return false }
      return try file.read(at: 0, count: count).elementsEqual(bytes.prefix(count))
    } catch {
      guard error == .notFound || error == .io else { throw error }
      return false
    }
  }

  private mutating func adopt(_ path: StoragePath, _ package: CheckedFile) throws(ErrorClass) {
    part = try PartialPackage(path, package, on: store.storage)
    try part?.resume(checker)
  }

  /// The package fits, with what is here already.
  private mutating func checkRoom() throws(ErrorClass) {
    let free = try store.storage.freeSpace()
    guard let missing = part?.missing, missing <= free, free - missing >= Self.reserve else { throw .noSpace }
  }

  private mutating func resume(_ name: [UInt8]) throws(ErrorClass) {
    let isStage = StorePaths.stages.contains(name)
    guard isStage || StorePaths.isName(name) else { throw .invalidArgument }
    let path = isStage ? StorePaths.part(ofStage: name) : StorePaths.part(of: name)
    do throws(ErrorClass) {
      let package = try checker.check(StoredFile(path, .reading, on: store.storage))
      guard try place(package) == path else { throw .wrongModule }
      try adopt(path, package)
      position = part?.size ?? 0
      size = part?.wholeSize
    } catch {
      if error == .notFound { return }
      part = nil
      guard error.isFinalInCheck else { throw error }
      // What was received will never do: it comes anew.
      store.storage.discard(path)
      return
    }
    try checkRoom()
  }

  // MARK: Grants and status lists

  private mutating func installSmall() throws(ErrorClass) -> CheckedFile {
    let file = try checkFront()
    defer { store.storage.discard(StorePaths.front) }
    if file.role == StorePaths.bytes("status") {
      let path = StorePaths.statusList(file.name)
      try store.replace(path, with: StorePaths.front)
      let list = try StoredFile(path, .reading, on: store.storage)
      try list.withHandle { (list) throws(ErrorClass) in try checker.show(statusList: list) }
    } else {
      guard StorePaths.isName(file.name) else { throw .protocol }
      let path = StorePaths.grant(file.name, epoch: file.epoch)
      guard number(of: path) <= file.number else { throw .rollback }
      try store.replace(path, with: StorePaths.front)
    }
    return file
  }

  /// The sequence number of a grant that is there already; 0 if it isn't or wouldn't be taken.
  private func number(of path: StoragePath) -> UInt64 {
    do throws(ErrorClass) {
      return try checker.check(StoredFile(path, .reading, on: store.storage)).number
    } catch {
      return 0
    }
  }
}
