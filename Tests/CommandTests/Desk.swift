import COSE
import Cryptography
import DICE
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// A directory in which `husk`, as it was built, is used from the command line.
final class Desk {
  let scratch: Scratch
  var directory: URL { scratch.directory }

  init() throws {
    scratch = try Scratch()
  }

  /// The tool that was built together with the tests.
  static let tool = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "husk").path

  /// Runs husk in this directory.
  ///
  /// - Parameter passphrases: what it finds in descriptor 7.
  @discardableResult
  func husk(_ arguments: String..., stdin: String = "", passphrases: String? = nil) throws -> Outcome {
    try husk(arguments, stdin: stdin, passphrases: passphrases)
  }

  func husk(_ arguments: [String], stdin: String = "", passphrases: String? = nil) throws -> Outcome {
    guard let passphrases else { return try run(Self.tool, arguments, stdin: stdin, directory: directory) }
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data(passphrases.utf8))
    try pipe.fileHandleForWriting.close()
    return try run(
      Self.tool, arguments, stdin: stdin, directory: directory,
      descriptors: [(7, pipe.fileHandleForReading.fileDescriptor)])
  }

  /// Runs husk, which has to succeed without a word.
  func make(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
    let outcome = try husk(arguments)
    #expect(outcome.status == 0, sourceLocation: sourceLocation)
    #expect(outcome.stdout == "", sourceLocation: sourceLocation)
    #expect(outcome.stderr == "", sourceLocation: sourceLocation)
  }

  /// Runs husk, which has to refuse with exactly these lines and leave everything as it was.
  func refuse(
    _ arguments: String..., error: String, hint: String? = nil, status: Int32 = 1, stdin: String = "",
    passphrases: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try contents()
    let outcome = try husk(arguments, stdin: stdin, passphrases: passphrases)
    let expected = "husk: error: \(error)\n" + (hint.map { "husk: hint: \($0)\n" } ?? "")
    #expect(outcome.stderr == expected, sourceLocation: sourceLocation)
    #expect(outcome.status == status, sourceLocation: sourceLocation)
    #expect(outcome.stdout == "", sourceLocation: sourceLocation)
    #expect(try contents() == before, sourceLocation: sourceLocation)
  }

  /// Every file below the directory, hidden ones too, with its bytes.
  func contents() throws -> [String: Data] {
    var files: [String: Data] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: directory.path) {
      files[path] = FileManager.default.contents(atPath: directory.appending(path: path).path) ?? Data()
    }
    return files
  }

  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
    try Data(bytes).write(to: directory.appending(path: name))
  }

  func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: directory.appending(path: name)))
  }

  func permissions(_ name: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: directory.appending(path: name).path)[.posixPermissions] as? Int
  }

  /// What a verb reports with `--json`.
  func report(_ arguments: String...) throws -> [String: Any] {
    try report(arguments)
  }

  func report(_ arguments: [String]) throws -> [String: Any] {
    let outcome = try husk(arguments + ["--json"])
    let object = try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8))
    return try #require(object as? [String: Any])
  }
}

extension Desk {
  /// root.pem, acme.pem, acme.chain (module and grant, com.acme.), acme.vault with vault.key, codec.so, and
  /// receiver.pem, an X25519 key.
  func furnish() throws {
    try make("keygen", "-o", "root.pem")
    try make("keygen", "--type", "x25519", "-o", "receiver.pem")
    try furnishVendor()
  }

  /// All that Acme has, under root.pem.
  func furnishVendor() throws {
    try make("keygen", "-o", "acme.pem")
    try make(
      "certify", "--key", "root.pem", "--subject-key", "acme.pub", "--subject", "Acme", "--role", "module", "--role",
      "grant", "--scope", "com.acme.", "--depth", "1", "-o", "acme.chain")
    try make("vault", "create", "acme.vault", "--vault-key", "vault.key")
    try write("codec.so", Data(contentsOf: Compiler.sharedObject("answer", ["-DANSWER=42", "-Wl,-z,now"])))
  }

  /// The arguments that pack codec.so, but for the output.
  static let packing = [
    "pack", "codec.so", "--name", "com.acme.codec", "--version", "1.2.3", "--vault", "acme.vault", "--vault-key",
    "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
  ]

  func pack() throws {
    let outcome = try husk(Self.packing + ["-o", "codec.husk"])
    try #require(outcome.status == 0)
  }

  /// unit.identity, of a device that was started under root.pem, and silicon.pub, the root of its maker.
  func makeIdentity(_ lifecycle: Lifecycle = .secured) throws {
    let pem = try read("root.pub")
    let root = try PublicKey(pem: pem.span.bytes)
    var fixture = IdentityFixture()
    fixture.claims = DeviceKeyClaims(
      grantKey: TestGrantKey.device.publicKey, lifecycle: lifecycle, keyEpoch: 2, generation: 0)
    for (index, role) in [Role.bootLoader, .bootDecryptor].enumerated() {
      let old = fixture.layers[index].inputs
      fixture.layers[index].inputs = try #require(
        DICE.Inputs(
          code: old.code, configuration: old.configuration,
          authority: sealingAuthority(bootRoot: COSEKey.thumbprint(root), role: role), mode: lifecycle.mode,
          hidden: old.hidden))
    }
    try write("unit.identity", fixture.file())
    try write("silicon.pub", TestKey.deviceRoot.publicKey.pem())
  }

  /// Adds a device to acme.vault, which trusts it then. Returns its id.
  @discardableResult
  func addDevice(_ lifecycle: Lifecycle = .secured) throws -> String {
    try makeIdentity(lifecycle)
    try trustFixtures()
    let outcome = try husk(
      "device", "add", "acme.vault", "unit.identity", "--vault-key", "vault.key", "--lifecycle", "\(lifecycle.name)")
    try #require(outcome.status == 0, "\(outcome.stderr)")
    return String(outcome.stdout.prefix(64))
  }

  /// Has acme.vault trust the devices of ``makeIdentity(_:)``.
  func trustFixtures() throws {
    let layers = IdentityFixture().layers.map { $0.inputs.code.map { String(format: "%02x", $0) }.joined() }
    try make(
      "vault", "trust", "add", "acme.vault", "--vault-key", "vault.key", "--device-root", "silicon.pub", "--boot-root",
      "root.pub", "--loader", layers[0], "--decryptor", layers[1])
  }
}
