import BootChain
import Cryptography
import DICE
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import SecretBytes
import Synchronization
import TestSupport
import Testing

/// A vendor who uses both `husk` and the second implementation, and a device, all in one directory:
///
/// - boot-root and device-root, with private keys; vendor, certified for com.example.; other, which nobody certified.
/// - vendor.vault, which trusts and has the device; codec.so, a sample, and library.so, a library of this system.
/// - codec.husk, library.husk, codec.grant, library.grant, vendor.status: what husk makes.
/// - unit.identity, and unit.key: the device's grant key as the second implementation derives it from fuses and stages.
final class Office: Sendable {
  let scratch: Scratch
  var directory: URL { scratch.directory }

  private static let made = Mutex<Office?>(nil)

  /// Made once per test run: it takes a boot.
  static func shared() throws -> Office {
    try made.withLock { made in
      if let made { return made }
      let office = try Office()
      // Its directory goes when the test run ends.
      atexit { Office.made.withLock { $0 = nil } }
      made = office
      return office
    }
  }

  /// A new start of the same device, with empty storage.
  static func device() throws -> Device { try Device("interop") }

  /// The arguments that say what a device trusts and is.
  static let deviceArguments = vendorArguments + ["--grant-key", "unit.key"]
  /// What a vendor knows of it.
  static let vendorArguments = [
    "--root", "boot-root.pub", "--device-root", "device-root.pub", "--identity", "unit.identity",
  ]
  static let signingArguments = ["--key", "vendor.pem", "--chain", "vendor.chain"]
  private static let vaultArguments = ["--vault", "vendor.vault", "--vault-key", "vault.key"]

  private init() throws {
    scratch = try Scratch()
    try write(.bootRoot, "boot-root")
    try write(.deviceRoot, "device-root")
    for name in ["vendor", "other"] { try husk(["keygen", "-o", "\(name).pem"]) }
    try husk(
      [
        "certify", "--key", "boot-root.pem", "--subject-key", "vendor.pub", "--subject", "Vendor", "--role", "module",
        "--role", "grant", "--role", "status", "--scope", "com.example.", "--depth", "1", "-o", "vendor.chain",
      ])
    try copy(Release.host.samples.appending(path: "com.example.adpcm.so"), "codec.so")
    try copy(URL(filePath: "/usr/lib/\(Release.host.architecture)-linux-gnu/libcrypto.so.3"), "library.so")
    try addDevice()
    for name in ["codec", "library"] {
      try husk(
        ["pack", "\(name).so", "--name", "com.example.\(name)", "--version", "1.2.3", "-o", "\(name).husk"]
          + Self.vaultArguments + Self.signingArguments)
      try husk(
        ["grant", "--module", "com.example.\(name)", "--all", "-o", "\(name).grant"] + Self.vaultArguments
          + Self.signingArguments)
    }
    try husk(
      [
        "status-list", "--scope", "com.example.", "--refuse-version", "com.example.codec=0.1.0..0.9.0",
        "--refuse-key", "other.pub", "--lowest", "com.example.library=0", "-o", "vendor.status",
      ] + Self.signingArguments)
  }

  private func addDevice() throws {
    let device = try Self.device()
    try Data(device.startSecureWorld().identity()).write(to: directory.appending(path: "unit.identity"))
    for stage in [Stage.bootloader, .decryptor] {
      try copy(device.flash.appending(path: stage.file()), "\(stage.name).husk")
    }
    try interop(
      [
        "grant-key", "--fuses", device.fuses.path, "--bootloader", "bootloader.husk", "--decryptor", "decryptor.husk",
        "-o", "unit.key",
      ])
    try husk(["vault", "create", "vendor.vault", "--vault-key", "vault.key"])
    try husk(
      [
        "vault", "trust", "add", "vendor.vault", "--vault-key", "vault.key", "--device-root", "device-root.pub",
        "--boot-root", "boot-root.pub", "--stage", "bootloader.husk", "--stage", "decryptor.husk",
      ])
    try husk(["device", "add", "vendor.vault", "unit.identity", "--vault-key", "vault.key"])
  }

  private func write(_ key: TestKey, _ name: String) throws {
    let pem = try key.signer.pem()
    let bytes = pem.withBytes { bytes in bytes.withUnsafeBytes { Array($0) } }
    try Data(bytes).write(to: directory.appending(path: "\(name).pem"))
    try Data(key.publicKey.pem()).write(to: directory.appending(path: "\(name).pub"))
  }

  private func copy(_ file: URL, _ name: String) throws {
    try FileManager.default.copyItem(at: file.resolvingSymlinksInPath(), to: directory.appending(path: name))
  }
}

extension Office {
  /// The tool that was built together with the tests.
  private static let tool = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "husk").path

  /// Runs husk, which has to succeed.
  @discardableResult
  func husk(_ arguments: [String]) throws -> String {
    let outcome = try run(Self.tool, arguments, directory: directory)
    guard outcome.status == 0 else { throw ProgramFailure(description: "husk \(arguments): \(outcome.stderr)") }
    return outcome.stdout
  }

  /// The class by which husk refuses a file; `ok` if it doesn't.
  func verdict(_ file: String) throws -> String {
    let outcome = try run(Self.tool, ["verify", file, "--root", "boot-root.pub"], directory: directory)
    guard outcome.status != 0 else { return "ok" }
    return try #require(outcome.stderr.split(separator: "(").last?.split(separator: ")").first.map(String.init))
  }

  /// Runs a verb of the second implementation, which has to succeed.
  @discardableResult
  func interop(_ arguments: [String]) throws -> Data {
    let outcome = try Interop.run(arguments, in: directory)
    guard outcome.status == 0 else { throw ProgramFailure(description: "interop \(arguments): \(outcome.stderr)") }
    return Data(outcome.stdout.utf8)
  }

  func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: directory.appending(path: name))) }
}
