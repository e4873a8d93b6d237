import ArgumentParser
import COSE
import HostSupport
import HuskFormat
import Packager

struct StatusListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status-list",
    abstract: "Tell devices what to refuse from now on.",
    discussion: """
      Signs a list of packages, signing keys and versions that devices must refuse, and of lowest security versions. A \
      list replaces the one before it: --previous carries that one's entries on and counts up; --drop leaves an entry \
      out that was a mistake. Devices keep the highest number that they have seen, and load nothing that the list \
      covers until they have been shown it.

      Example: husk status-list --key acme.pem --chain acme.chain --scope com.acme. \\
                 --refuse-version com.acme.codec=1.0.0..1.2.3 -o acme-1.status
               husk status-list --key acme.pem --chain acme.chain --scope com.acme. --previous acme-1.status \\
                 --refuse-key lost.pub --drop com.acme.codec=1.0.0..1.2.3 -o acme-2.status
      """)

  @Option(help: ArgumentHelp("The private key to sign with, of role status.", valueName: "status.pem"))
  var key: String

  @Option(help: ArgumentHelp("The chain that ends in this key.", valueName: "status.chain"))
  var chain: String

  @Option(help: "The names that the list speaks for: a prefix with a dot at its end.", transform: parseStatusScope)
  var scope: Scope

  @Option(help: ArgumentHelp("The list before this one; without it this is the first.", valueName: "file"))
  var previous: String?

  @Option(
    help: ArgumentHelp(
      "An entry of the list before that this one leaves out, as husk inspect shows it; repeat for more.",
      valueName: "entry"))
  var drop: [String] = []

  @Option(help: ArgumentHelp("A package to refuse; repeat for more.", valueName: "codec.husk"))
  var refusePackage: [String] = []

  @Option(help: ArgumentHelp("A signing key to refuse; repeat for more.", valueName: "lost.pub"))
  var refuseKey: [String] = []

  @Option(
    help: ArgumentHelp("Versions to refuse; repeat for more.", valueName: "name=1.0.0..1.9.9"),
    transform: parseRefusedVersions)
  var refuseVersion: [StatusList.RefusedVersions] = []

  @Option(
    help: ArgumentHelp("A module's lowest good security version; repeat for more.", valueName: "name=number"),
    transform: parseSecurityFloor)
  var lowest: [StatusList.SecurityFloor] = []

  @OptionGroup var output: OutputOptions
  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if !drop.isEmpty, previous == nil { throw ValidationError("--drop leaves out entries of the list of --previous") }
  }

  func run() throws {
    try output.check(.statusList)
    let now = Timestamp.now.seconds
    let signer = try loadSigningIdentity(
      key: passphrase.keys.signingKey(key), chain: chain, role: .status, name: nil)
    let previous = try previous.map { try loadStatusList($0, root: signer.authority.root, now: now) }
    var list = previous?.value ?? StatusList(scope: scope, number: 0, issuedAt: now)
    list.scope = scope
    for entry in drop { try list.drop(entry) }
    list.packages += try refusePackage.map { try PackageReader(LabelledFile($0)).front.packageID() }
    list.keys += try refuseKey.map { try COSEKey.thumbprint(readSigningPublicKey($0)) }
    list.versions += refuseVersion
    // The highest demand for a module is the one that counts: the others would only take room.
    list.floors = (list.floors + lowest).reduce(into: []) { floors, floor in
      let others = floors.filter { $0.module != floor.module }
      let highest = floors.filter { $0.module == floor.module }.map(\.lowest).reduce(floor.lowest, max)
      floors = others + [StatusList.SecurityFloor(floor.module, highest)]
    }
    let file = try about(chain) { try issueStatusList(list, after: previous, signer: signer, now: now) }
    try output.write(.statusList, [file])
  }
}

extension StatusList {
  /// Leaves an entry out that is named as reports show it, or as it was given on the command line.
  fileprivate mutating func drop(_ entry: String) throws {
    let before = self
    let text = entry.replacing("=", with: " ")
    packages.removeAll { hex($0) == text }
    keys.removeAll { hex($0) == text }
    versions.removeAll { $0.text == text }
    floors.removeAll { $0.text == text }
    // A slip would leave devices refusing what they shouldn't.
    guard self != before else { throw NoSuchStatusEntryError(entry: entry) }
  }
}

extension StatusList.RefusedVersions {
  /// Module and range.
  var text: String { "\(module.text) \(range.lowest.text)..\(range.highest.text)" }
}

extension StatusList.SecurityFloor {
  /// Module and number.
  var text: String { "\(module.text) \(lowest)" }
}

/// An entry is to be dropped that isn't in the list before.
struct NoSuchStatusEntryError: Error {
  let entry: String
}

/// Reads a status list and verifies it under a root.
private func loadStatusList(_ path: String, root: [UInt8], now: UInt64) throws -> Verified<StatusList> {
  let bytes = try readFile(path, atMost: Limits.statusList)
  do throws(FormatError) {
    return try StatusListFile(bytes).verify(
      with: ChainVerifier(anchors: TrustAnchors(thumbprints: [root]), time: hostTime(now)))
  } catch {
    throw ObjectFileError.format(path: path, error)
  }
}

private func parseStatusScope(_ text: String) throws -> Scope {
  let scope = try parseScope(text)
  if scope == .everything { throw ValidationError("a status list speaks for a scope of its own, such as com.acme.") }
  return scope
}

private func parseRefusedVersions(_ text: String) throws -> StatusList.RefusedVersions {
  let (name, range) = try parseAssignment(text, "com.acme.codec=1.0.0..1.9.9")
  return StatusList.RefusedVersions(try parseName(name), try parseVersionRange(range))
}

private func parseSecurityFloor(_ text: String) throws -> StatusList.SecurityFloor {
  let (name, number) = try parseAssignment(text, "com.acme.codec=3")
  return StatusList.SecurityFloor(try parseName(name), try parseCount(number))
}

private func parseAssignment(_ text: String, _ example: String) throws -> (name: String, value: String) {
  let parts = text.split(separator: "=", omittingEmptySubsequences: false).map { String($0) }
  guard parts.count == 2 else { throw ValidationError("a name and a value are expected, such as \(example)") }
  return (parts[0], parts[1])
}
