import ArgumentParser
import COSE
import Cryptography
import ErrorClass
import GrantBundle
import HostSupport
import HuskFormat
import Packager

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a file as a device or vendor would.",
    discussion: """
      Packages (signatures, scope and every byte of the payload), grants, status lists and chains are checked under a boot root; \
      device identities under a silicon maker's root (--root) and the boot roots that may have started the device's \
      secure world (--boot-root). Validity is judged by this host's clock.

      Example: husk verify codec.husk --root boot-root.pub
               husk verify dev.identity --root silicon.pub --boot-root boot-root.pub
      """)

  @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
  var path: String

  @Option(help: ArgumentHelp("A root that is trusted; repeat for more.", valueName: "root.pub"))
  var root: [String] = []

  @Option(
    help: ArgumentHelp("For an identity: a boot root that is trusted; repeat for more.", valueName: "boot-root.pub"))
  var bootRoot: [String] = []

  @Option(help: "The role that the chain must end in; without it the one that the file claims.", transform: parseRole)
  var role: Role?

  @Flag(name: .shortAndLong, help: "Say nothing if all is well.")
  var quiet = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if root.isEmpty { throw ValidationError("Missing expected argument '--root <root.pub>'") }
    if quiet, json { throw ValidationError("--quiet and --json exclude each other") }
  }

  func run() throws {
    let verifier = ChainVerifier(anchors: try loadAnchors(root), time: hostTime(Timestamp.now.seconds))
    let file = try LabelledFile(path)
    do {
      let what = try verify(file, verifier)
      if json { try printJSON(Outcome(file: path, ok: true, what: what)) } else if !quiet { printLines("ok: \(what)") }
    } catch let error as FormatError {
      if json { try printJSON(Outcome(file: path, ok: false, errorClass: "\(error.errorClass.name)")) }
      throw ObjectFileError.format(path: path, error)
    }
  }

  /// Returns what the file is. Of one that is too large as much is read as its parser needs to refuse it.
  private func verify(_ file: consuming LabelledFile, _ verifier: ChainVerifier) throws -> String {
    do {
      return switch file.label {
      case .package: try verifyPackage(PackageReader(file), verifier)
      case .grant: try verifyGrant(file.readBeginning(upTo: Limits.grant + 1), verifier)
      case .bundle: try verifyBundle(verifier)
      case .chain: try verifyChain(file.readBeginning(upTo: Limits.chain + 1), verifier)
      case .identity: try verifyIdentity(file.readBeginning(upTo: Limits.identity + 1), verifier)
      case .statusList: try verifyStatusList(file.readBeginning(upTo: Limits.statusList + 1), verifier)
      case .fuses, .storage, .control, .logHead, .export, nil: throw FormatError(.malformed, in: .label)
      }
    } catch ObjectFileError.format(_, let error) {
      throw error
    }
  }

  private struct Outcome: Encodable {
    let file: String
    let ok: Bool
    var what: String?
    var errorClass: String?
  }
}

extension VerifyCommand {
  private func verifyPackage(_ package: consuming PackageReader, _ verifier: ChainVerifier) throws -> String {
    let front = package.front
    let role = try self.role ?? Manifest(parsing: front.object.payload).role
    guard Role.ofPackages.contains(role) else { throw FormatError(.roleMismatch, in: .manifest) }
    let manifest = try front.verify(role: role, fileSize: package.size, with: verifier).value
    for index in 0..<manifest.segments.count {
      let range = manifest.segments.range(of: index)
      let segment = try package.readPayload(Int(range.upperBound - range.lowerBound))
      try manifest.check(segment: segment.span.bytes, at: index)
    }
    try package.finish()
    return "\(manifest.role.text) \(manifest.name.text) \(manifest.version.text)"
  }

  private func verifyGrant(_ bytes: [UInt8], _ verifier: ChainVerifier) throws -> String {
    try require(.grant)
    let grant = try GrantFile(bytes).verify(with: verifier)
    let terms = grant.value.terms
    guard terms.issuer == grant.authority.keyThumbprint else { throw FormatError(.malformed, in: .grant) }
    try checkValidity(terms.common, verifier)
    return "grant of \(terms.module.text), epoch \(terms.epoch), for device \(hex(terms.deviceID))"
  }

  private func verifyBundle(_ verifier: ChainVerifier) throws -> String {
    try require(.grant)
    let bundle = try BundleReader(path)
    for index in bundle.directory.parts.indices {
      let part = bundle.directory.parts[index]
      let authority = try part.series.verify(with: verifier)
      try checkValidity(part.series.terms, verifier)
      var buckets = part.buckets.makeIterator()
      try Pipeline.run(
        next: { () throws -> [GrantRecord]? in
          try buckets.next().map { try bundle.records(ofBucket: $0, inPart: index) }
        },
        work: { records in for record in records { try part.series.verify(record, by: authority) } },
        deliver: { _ in })
    }
    return "bundle of \(bundle.directory.count) grants"
  }

  private func checkValidity(_ terms: CommonGrantTerms, _ verifier: ChainVerifier) throws {
    if verifier.time.hasPassed(terms.notAfter) { throw FormatError(.expired, in: .grant) }
    if verifier.time.isBefore(terms.notBefore) { throw FormatError(.notYetValid, in: .grant) }
  }

  private func verifyStatusList(_ bytes: [UInt8], _ verifier: ChainVerifier) throws -> String {
    try require(.status)
    let list = try StatusListFile(bytes).verify(with: verifier).value
    return "status list \(list.number) of \(list.scope.text)"
  }

  private func verifyChain(_ bytes: [UInt8], _ verifier: ChainVerifier) throws -> String {
    let chain = try CertificateChain(file: bytes)
    let last = try chain.unverifiedClaims(at: chain.certificates.count - 1)
    // Whether it verifies doesn't depend on which of its own roles is asked for.
    guard let role = role ?? last.roles.first else { throw FormatError(.malformed, in: .chain) }
    let authority = try verifier.verify(chain, role: role)
    return "chain to \(String(decoding: last.subject, as: UTF8.self)), scope \(authority.scope.text)"
  }

  private func verifyIdentity(_ bytes: [UInt8], _ verifier: ChainVerifier) throws -> String {
    try require(.silicon)
    let file = try IdentityFile(bytes)
    if bootRoot.isEmpty { throw ValidationError("an identity needs --boot-root <boot-root.pub>") }
    let identity = try file.verify(with: verifier, bootRoots: loadAnchors(bootRoot).thumbprints).value
    return "identity of device \(hex(identity.deviceID)), \(identity.lifecycle.name)"
  }

  /// Throws `roleMismatch` if another role was asked for than the only one that fits.
  private func require(_ only: Role) throws {
    if let role, role != only { throw FormatError(.roleMismatch, in: .chain) }
  }
}
