import COSE
import HostSupport
import HuskFormat

extension DeviceDirectory {
  /// Puts a package or grant in its place in flash, replacing what is there in one step; returns the place.
  ///
  /// It is only parsed: whether it may run is for the device to find out.
  @discardableResult
  public func install(_ path: String) throws(SimulatorError) -> String {
    try checkFlash()
    let file: LabelledFile
    do throws(FileError) {
      file = try LabelledFile(path)
    } catch {
      throw .object(.file(error))
    }
    switch file.label {
    case .package: return try installPackage(file)
    case .grant: return try installGrant(file)
    case let label: throw .notInstallable(path: path, label)
    }
  }

  private func installPackage(_ file: consuming LabelledFile) throws(SimulatorError) -> String {
    do {
      var package = try PackageReader(file)
      let manifest = try parse(package.path) { () throws(FormatError) in
        try Manifest(parsing: package.front.object.payload)
      }
      guard let place = place(of: manifest) else { throw SimulatorError.noPlace(path: package.path, manifest.role) }
      let output = try OutputFile(place, mode: 0o644, replaces: .anyFile)
      try output.write(package.head.span.bytes)
      try package.forEachPiece { (piece) throws(FileError) in try output.write(piece.span.bytes) }
      try package.finish()
      try output.publish()
      return place
    } catch {
      throw SimulatorError(error)
    }
  }

  private func installGrant(_ file: consuming LabelledFile) throws(SimulatorError) -> String {
    do {
      let bytes = try file.readAll(atMost: Limits.grant)
      let terms = try parse(file.path) { () throws(FormatError) in try GrantFile(bytes).unverifiedTerms() }
      let place = place(of: terms)
      try writeFile(place, [bytes], mode: 0o644, replaces: .anyFile)
      return place
    } catch {
      throw SimulatorError(error)
    }
  }
}

/// Runs a parser and says of which file it speaks.
func parse<Value>(_ path: String, _ body: () throws(FormatError) -> Value) throws(ObjectFileError) -> Value {
  do throws(FormatError) {
    return try body()
  } catch {
    throw .format(path: path, error)
  }
}
