import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import SecretBytes
import Testing

/// A real device, and the desk of its vendor, whose vault knows it. Its boot root, a key of the fixtures, certifies the
/// vendor too.
struct Customer {
  let desk: Desk
  let device: Device
  let id: String

  static let package = "modules/com.acme.codec.husk"
  static let grant = "grants/com.acme.codec.grant"
  static let granting = [
    "grant", "--vault", "acme.vault", "--vault-key", "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
  ]

  init(_ name: String) throws {
    desk = try Desk()
    device = try Device(name, firmware: Compiler.firmware("loads"))
    let root = try SigningKey(ed25519Seed: secret(named: "boot root")).pem()
    try desk.write("root.pem", root.withBytes { $0.withUnsafeBytes { Array($0) } })
    try desk.write("root.pub", TestKey.bootRoot.publicKey.pem())
    try desk.write("silicon.pub", TestKey.deviceRoot.publicKey.pem())
    try desk.furnishVendor()
    let identity = try device.identity()
    let measurements = identity.measurements.map { $0.map { String(format: "%02x", $0) }.joined() }
    try desk.make(
      "vault", "trust", "add", "acme.vault", "--vault-key", "vault.key", "--device-root", "silicon.pub", "--boot-root",
      "root.pub", "--loader", measurements[0], "--decryptor", measurements[1])
    id = identity.deviceID.map { String(format: "%02x", $0) }.joined()
    #expect(try add() == "added")
  }

  /// Presents the device's identity; returns what the vault says of it.
  func add() throws -> String {
    try desk.write("unit.identity", device.startSecureWorld().identity())
    let outcome = try desk.husk("device", "add", "acme.vault", "unit.identity", "--vault-key", "vault.key")
    return outcome.status == 0 ? String(outcome.stdout.dropFirst(65).dropLast()) : outcome.stderr
  }

  /// Packs a version of codec, and installs it.
  func pack(_ version: String, answer: Int, _ words: String...) throws {
    try desk.write(
      "codec.so", Data(contentsOf: Compiler.sharedObject("answer", ["-DANSWER=\(answer)", "-Wl,-z,now"])))
    let outcome = try desk.husk(
      Desk.packing.map { $0 == "1.2.3" ? version : $0 } + ["--force", "-o", "codec.husk"] + words)
    try #require(outcome.status == 0, "\(outcome.stderr)")
    try installPackage()
  }

  func installPackage() throws {
    try device.install(desk.read("codec.husk"), Self.package)
  }

  /// Issues a grant to the device alone.
  func grant(_ words: String..., output: String) throws -> Outcome {
    try desk.husk(Self.granting + ["--device", id, "-o", output] + words)
  }

  func install(grant: String) throws {
    try device.install(desk.read(grant), Self.grant)
  }

  /// What the firmware says of the module.
  func load() throws -> String {
    let outcome = try device.boot([Self.package, Self.grant])
    return String(outcome.stdout.split(separator: "\n").last ?? "")
  }
}
