import COSE
import CLinux
public import DeviceStore
import ErrorClass
import HostSupport
import HuskFormat

extension DeviceDirectory {
  /// Installs a package, grant or status list in flash: what concerns modules as the firmware would (SPEC 9.3), so that a
  /// module is on trial then.
  ///
  /// It is only parsed: whether it may run is for the device to find out. Boot stages are installed at the factory, into
  /// slot a; a device that has started is updated.
  public func install(_ path: String) throws(SimulatorError) {
    try checkFlash()
    let file: LabelledFile
    do throws(FileError) {
      file = try LabelledFile(path)
    } catch {
      throw .file(error)
    }
    switch file.label {
    case .package: try installPackage(file)
    case .grant:
      try receive(file, atMost: Limits.grant) { (bytes) throws(FormatError) in
        _ = try GrantFile(bytes).unverifiedTerms()
      }
    case .statusList:
      try receive(file, atMost: Limits.statusList) { (bytes) throws(FormatError) in
        _ = try StatusListFile(bytes).unverifiedList()
      }
    case let label: throw .notInstallable(path: path, label)
    }
  }

  private func installPackage(_ file: consuming LabelledFile) throws(SimulatorError) {
    let package = try open(file)
    let path = package.path
    let manifest = try Self.manifest(of: package)
    if manifest.isModule { return try receive(package) }
    guard let place = place(of: manifest) else { throw .noPlace(path: path, manifest.role) }
    guard try updateState() == UpdateState() else { throw .hasStarted(path: path) }
    do throws(ObjectFileError) {
      try package.copy(to: place)
    } catch {
      throw .object(error)
    }
  }

  func openPackage(_ path: String) throws(SimulatorError) -> PackageReader {
    let file: LabelledFile
    do throws(FileError) {
      file = try LabelledFile(path)
    } catch {
      throw .file(error)
    }
    return try open(file)
  }

  /// What a package claims to be.
  static func manifest(of package: borrowing PackageReader) throws(SimulatorError) -> Manifest {
    let signed = package.front.object.payload
    return try parse(package.path) { () throws(FormatError) in try Manifest(parsing: signed) }
  }

  private func open(_ file: consuming LabelledFile) throws(SimulatorError) -> PackageReader {
    do throws(ObjectFileError) {
      return try PackageReader(file)
    } catch {
      throw .object(error)
    }
  }
}

// MARK: - The module store

extension DeviceDirectory {
  /// The store of modules as long as `body` runs, for looking at it.
  public func withStore<Result>(
    _ body: (ModuleStore<POSIXStorage>) throws(SimulatorError) -> Result
  ) throws(SimulatorError) -> Result {
    try checkFlash()
    let directory = linux_open_directory(flash)
    guard directory >= 0 else { throw .file(FileError(path: flash, errno: linux_errno())) }
    defer { close(directory) }
    return try body(ModuleStore(on: POSIXStorage(root: directory)))
  }

  /// The same for changing it: nobody else does meanwhile, such as a firmware that runs.
  ///
  /// - Parameter path: of what it is to take.
  private func withOpenStore(
    for path: String, _ body: (ModuleStore<POSIXStorage>) throws(SimulatorError) -> Void
  ) throws(SimulatorError) {
    try withStore { (store) throws(SimulatorError) in
      let hold = try storing(path) { () throws(ErrorClass) in try store.open() }
      try body(store)
      _ = consume hold
    }
  }

  private func receive(_ package: consuming PackageReader) throws(SimulatorError) {
    var package = package
    let path = package.path
    try withOpenStore(for: path) { (store) throws(SimulatorError) in
      var reception = try storing(path) { () throws(ErrorClass) in
        try Reception(into: store, UnverifiedFiles(on: store.storage))
      }
      defer { reception.close() }
      var piece = package.head
      var left = package.front.declaredPayloadSize
      while true {
        try storing(path) { () throws(ErrorClass) in try reception.take(all: piece) }
        guard left > 0 else { break }
        piece = try reading { () throws(ObjectFileError) in try package.readPayload(Int(clamping: min(left, 1 << 20))) }
        left -= UInt64(piece.count)
      }
      try reading { () throws(ObjectFileError) in try package.finish() }
      _ = try storing(path) { () throws(ErrorClass) in try reception.finish() }
    }
  }

  /// - Parameter check: parses the file.
  private func receive(
    _ file: consuming LabelledFile, atMost limit: Int, _ check: ([UInt8]) throws(FormatError) -> Void
  ) throws(SimulatorError) {
    let path = file.path
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try file.readAll(atMost: limit)
    } catch {
      throw .file(error)
    }
    try parse(path) { () throws(FormatError) in try check(bytes) }
    try withOpenStore(for: path) { (store) throws(SimulatorError) in
      try storing(path) { () throws(ErrorClass) in
        var reception = try Reception(into: store, UnverifiedFiles(on: store.storage))
        try reception.take(all: bytes)
        _ = try reception.finish()
      }
    }
  }
}

extension Reception {
  fileprivate mutating func take(all bytes: [UInt8]) throws(ErrorClass) {
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(ErrorClass) in try take(bytes) }
  }
}

private func storing<Value: ~Copyable>(
  _ path: String, _ body: () throws(ErrorClass) -> Value
) throws(SimulatorError) -> Value {
  do throws(ErrorClass) {
    return try body()
  } catch {
    throw .notStored(path: path, error)
  }
}

private func reading<Value>(_ body: () throws(ObjectFileError) -> Value) throws(SimulatorError) -> Value {
  do throws(ObjectFileError) {
    return try body()
  } catch {
    throw .object(error)
  }
}

/// Runs a parser and says of which file it speaks.
private func parse<Value>(_ path: String, _ body: () throws(FormatError) -> Value) throws(SimulatorError) -> Value {
  do throws(FormatError) {
    return try body()
  } catch {
    throw .object(.format(path: path, error))
  }
}
