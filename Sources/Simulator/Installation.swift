import COSE
import DeviceStore
import HostSupport
import HuskFormat

extension DeviceDirectory {
  /// Puts a package, grant or status list in its place in flash, replacing what is there in one step; returns the place.
  ///
  /// It is only parsed: whether it may run is for the device to find out. Boot stages are installed at the factory, into
  /// slot a; a device that has started is updated.
  @discardableResult
  public func install(_ path: String) throws(SimulatorError) -> String {
    try checkFlash()
    let file: LabelledFile
    do throws(FileError) {
      file = try LabelledFile(path)
    } catch {
      throw .file(error)
    }
    switch file.label {
    case .package: return try installPackage(file)
    case .grant:
      return try install(file, atMost: Limits.grant) { (bytes) throws(FormatError) in
        place(of: try GrantFile(bytes).unverifiedTerms())
      }
    case .statusList:
      return try install(file, atMost: Limits.statusList) { (bytes) throws(FormatError) in
        place(of: try StatusListFile(bytes).unverifiedList())
      }
    case let label: throw .notInstallable(path: path, label)
    }
  }

  private func installPackage(_ file: consuming LabelledFile) throws(SimulatorError) -> String {
    let package = try open(file)
    let path = package.path
    let manifest = try Self.manifest(of: package)
    guard let place = place(of: manifest) else { throw .noPlace(path: path, manifest.role) }
    if !manifest.isModule {
      guard try updateState() == UpdateState() else { throw .hasStarted(path: path) }
    }
    do throws(ObjectFileError) {
      try package.copy(to: place)
    } catch {
      throw .object(error)
    }
    return place
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

  /// - Parameter place: parses the file and says where it belongs.
  private func install(
    _ file: consuming LabelledFile, atMost limit: Int, at place: ([UInt8]) throws(FormatError) -> String
  ) throws(SimulatorError) -> String {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try file.readAll(atMost: limit)
    } catch {
      throw .file(error)
    }
    let place = try parse(file.path) { () throws(FormatError) in try place(bytes) }
    do throws(FileError) {
      try writeFile(place, [bytes], replaces: .anyFile)
    } catch {
      throw .file(error)
    }
    return place
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
