import ArgumentParser
import COSE
import Cryptography
import ErrorClass
import HostSupport
import HuskFormat
import Packager
import Vault

struct VaultTrustCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust",
    abstract: "Say what devices are trusted for.",
    discussion: """
      A device gets into the vault, and gets grants, only if its silicon is certified under a trusted device root, its \
      secure world was started under a trusted boot root, and its bootloader and decryptor are on the list: by their \
      measurement, which is taken from the signed stage package.
      """,
    subcommands: [Add.self, List.self, Remove.self])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add",
      abstract: "Trust roots and boot stages.",
      discussion: """
        Stage packages are verified under the vault's boot roots, those that are given now among them.

        Example: husk vault trust add acme.vault --device-root silicon.pub --boot-root platform.pub \\
                   --stage bootloader.husk --stage decryptor.husk
        """)

    @OptionGroup var vault: VaultArgument

    @Option(help: ArgumentHelp("The root that certifies silicon; repeat for more.", valueName: "root.pub"))
    var deviceRoot: [String] = []

    @Option(help: ArgumentHelp("The root that starts secure worlds; repeat for more.", valueName: "root.pub"))
    var bootRoot: [String] = []

    @Option(help: ArgumentHelp("A signed bootloader or decryptor; repeat for more.", valueName: "stage.husk"))
    var stage: [String] = []

    @Option(
      help: ArgumentHelp("A bootloader's measurement, 128 hexadecimal digits; repeat for more.", valueName: "digits"),
      transform: parseMeasurement)
    var loader: [[UInt8]] = []

    @Option(
      help: ArgumentHelp("A decryptor's measurement, 128 hexadecimal digits; repeat for more.", valueName: "digits"),
      transform: parseMeasurement)
    var decryptor: [[UInt8]] = []

    @Option(help: "What the list says beside them, for people.", transform: parseSubject)
    var label: String?

    @OptionGroup var key: VaultKeyOptions
    @OptionGroup var passphrase: PassphraseOptions

    func validate() throws {
      if deviceRoot.isEmpty, bootRoot.isEmpty, stage.isEmpty, loader.isEmpty, decryptor.isEmpty {
        throw ValidationError("nothing to trust: give at least one root, stage or measurement")
      }
    }

    func run() throws {
      let store = try about(vault.path) { try Vault(vault.path) }
      let vaultKey = try key.unlock(store, at: vault.path, passphrase: passphrase)
      var entries: [(kind: Trust.Kind, value: [UInt8], label: String)] = []
      for path in deviceRoot { entries.append((.deviceRoot, try Self.thumbprint(path), label ?? path)) }
      for path in bootRoot { entries.append((.bootRoot, try Self.thumbprint(path), label ?? path)) }
      let bootRoots =
        try about(vault.path) { try store.trust(with: vaultKey) }.values(of: .bootRoot)
        + entries.filter { $0.kind == .bootRoot }.map(\.value)
      for path in stage {
        let stage = try MeasuredStage(path, bootRoots: bootRoots)
        entries.append((stage.kind, stage.measurement, label ?? stage.title))
      }
      for value in loader { entries.append((.loader, value, label ?? "")) }
      for value in decryptor { entries.append((.decryptor, value, label ?? "")) }
      _ = try about(vault.path) { try store.addTrust(entries, with: vaultKey, on: .present) }
    }

    private static func thumbprint(_ path: String) throws -> [UInt8] {
      try COSEKey.thumbprint(readSigningPublicKey(path))
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Tell what is trusted.",
      discussion: """
        Example: husk vault trust list acme.vault
        """)

    @OptionGroup var vault: VaultArgument

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      let entries = try about(vault.path) { try Vault(vault.path, isReadOnly: true).unverifiedTrust() }
      let fields = entries.map { entry in
        Report.Value.group([
          Report.Field("kind", .text(entry.kind.word)), Report.Field("value", .hexadecimal(entry.value)),
          Report.Field("label", .text(entry.label)), Report.Field("added", .time(entry.addedAt)),
        ])
      }
      try Report([Report.Field("trust", .list(fields))]).print(asJSON: json)
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove",
      abstract: "Stop trusting a root or a boot stage.",
      discussion: """
        Devices that rest on it stay in the vault, but get no further grants.

        Example: husk vault trust remove acme.vault 3f08
        """)

    @OptionGroup var vault: VaultArgument

    @Argument(help: ArgumentHelp("The thumbprint or measurement, or how it begins.", valueName: "digits"))
    var value: String

    func run() throws {
      let removed = try about(vault.path) {
        try Vault(vault.path).removeTrust(named: value.lowercased(), on: .present)
      }
      printLines("\(removed.kind.word) \(hex(removed.value)) \(removed.label)")
    }
  }
}

extension Trust.Kind {
  var word: String {
    switch self {
    case .deviceRoot: "device root"
    case .bootRoot: "boot root"
    case .loader: "bootloader"
    case .decryptor: "decryptor"
    }
  }
}

/// A stage package that was verified, and what a device measures when it starts it (SPEC 6.2).
struct MeasuredStage {
  let kind: Trust.Kind
  /// SHA-512 of the image, which is the payload.
  let measurement: [UInt8]
  /// Name and version.
  let title: String

  init(_ path: String, bootRoots: [[UInt8]]) throws {
    var reader = try PackageReader(LabelledFile(path))
    do {
      let claimed = try Manifest(parsing: reader.front.object.payload)
      switch claimed.role {
      case .bootLoader: kind = .loader
      case .bootDecryptor: kind = .decryptor
      default: throw FormatError(.roleMismatch, in: .manifest)
      }
      let verifier = ChainVerifier(
        anchors: TrustAnchors(thumbprints: bootRoots), time: hostTime(Timestamp.now.seconds))
      let manifest = try reader.front.verify(role: claimed.role, fileSize: reader.size, with: verifier).value
      title = "\(manifest.name.text) \(manifest.version.text)"
      var digest = try SHA512()
      for index in 0..<manifest.segments.count {
        let range = manifest.segments.range(of: index)
        let segment = try reader.readPayload(Int(range.upperBound - range.lowerBound))
        try manifest.check(segment: segment.span.bytes, at: index)
        try digest.update(segment.span.bytes)
      }
      measurement = try digest.finalize()
      try reader.finish()
    } catch let error as FormatError {
      throw ObjectFileError.format(path: path, error)
    }
  }
}

private func parseMeasurement(_ text: String) throws -> [UInt8] {
  guard let bytes = parseHexadecimal(text), bytes.count == SHA512.byteCount else {
    throw ValidationError("a measurement is a SHA-512: 128 hexadecimal digits")
  }
  return bytes
}
