import ArgumentParser
import GrantBundle
import HostSupport
import HuskFormat
import Vault

struct GrantExtractCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract",
    abstract: "Take one device's grant from a bundle or a vault.",
    discussion: """
      The file is the one that would have been written for this device alone. Its signature is checked. Of a vault it \
      takes the device's latest grant of a module, if the vault keeps it (husk grant --store).

      Example: husk grant extract codec.grants --device 3f08a1… -o unit7.grant
      """)

  @Argument(help: ArgumentHelp("The bundle or vault.", valueName: "file"))
  var source: String

  @Option(help: ArgumentHelp("The device's id, all 64 digits; of a vault also how it begins.", valueName: "digits"))
  var device: String

  @Option(help: "The module, where the device has grants of several.", transform: parseName)
  var module: Name?

  @OptionGroup var output: OutputOptions

  func run() throws {
    try output.check(.grant)
    let isVault = try InputFile(source).read(upTo: Self.databaseHeader.count) == Self.databaseHeader
    let grant = try isVault ? extractFromVault() : extractFromBundle()
    try output.write(.grant, [grant])
  }

  private func extractFromBundle() throws -> [UInt8] {
    guard let id = parseHexadecimal(device), id.count == 32 else {
      throw ValidationError("a bundle is asked by a device's whole id, 64 hexadecimal digits")
    }
    let entries = try BundleReader(source).grants(of: id)
    // A job that went on after an interruption has several parts, but no device twice.
    let chosen = try choose(entries.map { ($0.series.terms.module, $0) })
    return try checked { () throws(FormatError) in try chosen.checkedFile() }
  }

  private func extractFromVault() throws -> [UInt8] {
    let store = try about(source) { try Vault(source, isReadOnly: true) }
    let grants = try about(source) { try store.grants(of: store.device(device)) }
    // In order: later ones supersede.
    var latest: [(Name, IssuedGrant)] = []
    for grant in grants {
      if latest.last?.0 == grant.module { latest.removeLast() }
      latest.append((grant.module, grant))
    }
    let chosen = try choose(latest)
    guard let file = try checked({ () throws(FormatError) in try chosen.checkedFile() }) else {
      throw GrantNotFoundError(source: source, device: device, isIssued: true)
    }
    return file
  }

  private func checked<File>(_ file: () throws(FormatError) -> File) throws(ObjectFileError) -> File {
    do throws(FormatError) {
      return try file()
    } catch {
      throw .format(path: source, error)
    }
  }

  private func choose<Grant>(_ grants: [(module: Name, grant: Grant)]) throws -> Grant {
    let fitting = grants.filter { module == nil || $0.module == module }
    guard let first = fitting.first else { throw GrantNotFoundError(source: source, device: device, isIssued: false) }
    guard fitting.count == 1 else {
      throw SeveralGrantsError(source: source, modules: fitting.map(\.module.text).sorted())
    }
    return first.grant
  }

  private static let databaseHeader = Array("SQLite format 3\0".utf8)
}

/// There is no such grant to extract.
struct GrantNotFoundError: Error {
  let source: String
  let device: String
  /// Whether it was issued, but isn't kept here.
  let isIssued: Bool
}

/// A device has grants of several modules.
struct SeveralGrantsError: Error {
  let source: String
  let modules: [String]
}
