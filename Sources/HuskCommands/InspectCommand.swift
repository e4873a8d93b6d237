import ArgumentParser
import CBOR
import COSE
import DeviceStore
import GrantBundle
import HostSupport
import HuskFormat
import Simulator
import Vault

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a file says of itself.",
    discussion: """
      Shows all that is public in a package, grant, status list, certificate chain, device identity, public key or fuses file. No \
      key is needed, and nothing is verified: that is husk verify. Of a malformed file it shows how far it could be read.

      Example: husk inspect codec.husk
      """)

  @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
  var path: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let file = try LabelledFile(path)
    switch file.label {
    case .package: try inspectPackage(file)
    case .grant:
      try inspect(file, limit: Limits.grant) { try Report(grant: path, GrantFile($0)) }
    case .bundle: try inspectBundle()
    case .chain:
      try inspect(file, limit: Limits.chain) { try Report(chain: path, CertificateChain(file: $0)) }
    case .identity:
      try inspect(file, limit: Limits.identity) { try Report(identity: path, IdentityFile($0)) }
    case .statusList:
      try inspect(file, limit: Limits.statusList) { try Report(statusList: path, StatusListFile($0)) }
    case .fuses: try inspectFuses()
    case .storage:
      try inspect(file, limit: Limits.storage) { try Report(storage: path, $0) }
    case .control:
      try inspect(file, limit: ControlRecord.maximumSize) { try Report(control: path, $0) }
    case .logHead:
      try inspect(file, limit: LogHead.longest) { try Report(logHead: path, LogHead(unverified: $0)) }
    case .export, nil: try inspectOther(file)
    }
  }

  private func inspectPackage(_ file: borrowing LabelledFile) throws {
    let bytes = try file.readBeginning(upTo: PackageFront.prefixSize + Limits.signedManifest + 9)
    let size = file.size
    try show(readable: signedManifest(bytes)) {
      let front = try PackageFront(bytes)
      let isWhole = size.map { $0 >= front.payloadOffset && $0 - front.payloadOffset == front.declaredPayloadSize }
      return try Report(package: path, front, Manifest(parsing: front.object.payload), isWhole: isWhole)
    }
  }

  /// Of a file that is too large as much is read as its parser needs to refuse it.
  private func inspect(_ file: borrowing LabelledFile, limit: Int, _ report: ([UInt8]) throws -> Report) throws {
    let bytes = try file.readBeginning(upTo: limit + 1)
    try show(readable: bytes[...]) { try report(bytes) }
  }

  /// Read anew, since it is read from its end.
  private func inspectBundle() throws {
    let bundle: BundleReader
    do {
      bundle = try BundleReader(path)
    } catch ObjectFileError.format(_, let error) {
      try Report(unreadable: path, error, nil).print(asJSON: json)
      throw ObjectFileError.format(path: path, error)
    }
    try Report(bundle: path, bundle.directory).print(asJSON: json)
  }

  /// Read anew, and without the device secret at the file's end.
  private func inspectFuses() throws {
    try Report(fuses: path, readPublicFuses(path)).print(asJSON: json)
  }

  private func inspectOther(_ file: borrowing LabelledFile) throws {
    if file.prefix.starts(with: Array("-----BEGIN".utf8)), path != "-" {
      return try Report(publicKey: path, readPublicKey(path)).print(asJSON: json)
    }
    throw UnknownFileError(path: path, isELF: file.prefix.starts(with: [0x7f] + Array("ELF".utf8)))
  }

  /// Prints a report, or how far the file could be read and where it went wrong.
  private func show(readable bytes: ArraySlice<UInt8>, _ report: () throws -> Report) throws {
    do {
      try report().print(asJSON: json)
    } catch let error as FormatError {
      try Report(unreadable: path, error, CBORDiagnostic(bytes)).print(asJSON: json)
      throw ObjectFileError.format(path: path, error)
    }
  }

  /// What of a package is one CBOR item of its own: what is behind the head of the first byte string.
  private func signedManifest(_ package: [UInt8]) -> ArraySlice<UInt8> {
    var reader = CBORReader(package)
    do {
      try FileLabel.package.read(&reader)
      let count = try reader.readBytesHead()
      return package[reader.position...].prefix(Int(clamping: count))
    } catch {
      return package[...]
    }
  }
}

/// A file that isn't one of Husk's.
struct UnknownFileError: Error {
  let path: String
  let isELF: Bool
}
