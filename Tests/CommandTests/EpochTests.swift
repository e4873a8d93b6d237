import BootChain
import Cryptography
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecretBytes
import Testing

/// What an epoch is for, on a real device: updates without new grants, and revocation.
@Suite(
  "A module's epochs, on a real device",
  .enabled(if: devicesAvailable, "booting a device takes root and scripts/build-device.sh"))
struct EpochTests {
  private let desk: Desk
  private let device: Device
  private let id: String

  private static let package = "modules/com.acme.codec.husk"
  private static let grant = "grants/com.acme.codec.grant"
  private static let granting = [
    "grant", "--vault", "acme.vault", "--vault-key", "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
  ]

  init() throws {
    desk = try Desk()
    device = try Device("of epochs", firmware: Compiler.firmware("loads"))
    let key = try SigningKey(ed25519Seed: secret(named: "boot root")).pem()
    try desk.write("root.pem", key.withBytes { $0.withUnsafeBytes { Array($0) } })
    try desk.write("root.pub", TestKey.bootRoot.publicKey.pem())
    try desk.write("silicon.pub", TestKey.deviceRoot.publicKey.pem())
    try desk.make("keygen", "-o", "acme.pem")
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "acme.pub", "--subject", "Acme", "--role", "module", "--role",
      "grant", "--scope", "com.acme.", "--depth", "1", "-o", "acme.chain")
    try desk.make("vault", "create", "acme.vault", "--vault-key", "vault.key")
    let identity = try device.identity()
    let measurements = identity.measurements.map { $0.map { String(format: "%02x", $0) }.joined() }
    try desk.make(
      "vault", "trust", "add", "acme.vault", "--vault-key", "vault.key", "--device-root", "silicon.pub", "--boot-root",
      "root.pub", "--loader", measurements[0], "--decryptor", measurements[1])
    try desk.write("unit.identity", device.startSecureWorld().identity())
    try #require(
      try desk.husk("device", "add", "acme.vault", "unit.identity", "--vault-key", "vault.key").status == 0)
    id = identity.deviceID.map { String(format: "%02x", $0) }.joined()
  }

  @Test("updates load with the grant that the device has; after a rotation they need the next one")
  func epochs() throws {
    try pack("1.0.0", answer: 41)
    #expect(try desk.husk(Self.granting + ["--module", "com.acme.codec", "--all", "--bundle", "a.grants"]).status == 0)
    try extract("a.grants")
    #expect(try load() == "answer 41")

    // The same epoch: no new grant.
    try pack("1.1.0", answer: 42)
    #expect(try load() == "answer 42")

    #expect(
      try desk.husk("module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key").status == 0)
    try pack("2.0.0", answer: 43)
    #expect(try load() == "refused (status \(ErrorClass.wrongEpoch.rawValue))")
    #expect(try desk.husk(Self.granting + ["--all", "--reissue", "--bundle", "b.grants"]).status == 0)
    try extract("b.grants")
    #expect(try load() == "answer 43")
  }

  @Test("a device that was revoked keeps what it had, and can't read what comes after")
  func revoked() throws {
    try pack("1.0.0", answer: 41)
    #expect(try desk.husk(Self.granting + ["--module", "com.acme.codec", "--all", "--bundle", "a.grants"]).status == 0)
    try extract("a.grants")
    let status = try desk.husk(
      "device", "status", "acme.vault", "recalled", id, "--why", "a test", "--vault-key", "vault.key")
    #expect(status.status == 0)
    #expect(
      try desk.husk("module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key").status == 0)
    let reissue = try desk.husk(Self.granting + ["--all", "--reissue", "--bundle", "b.grants"])
    #expect(reissue.stdout == "granted   0\nleft out  1\nreasons\n  recalled  1\n")
    #expect(reissue.status == 1)
    #expect(!FileManager.default.fileExists(atPath: desk.directory.appending(path: "b.grants").path))
    #expect(try load() == "answer 41")
    try pack("2.0.0", answer: 43)
    #expect(try load() == "refused (status \(ErrorClass.wrongEpoch.rawValue))")
  }

  /// Packs a version and installs it.
  private func pack(_ version: String, answer: Int) throws {
    try desk.write(
      "codec.so", Data(contentsOf: Compiler.sharedObject("answer", ["-DANSWER=\(answer)", "-Wl,-z,now"])))
    let outcome = try desk.husk(
      Desk.packing.map { $0 == "1.2.3" ? version : $0 } + ["--force", "-o", "codec.husk"])
    try #require(outcome.status == 0, "\(outcome.stderr)")
    try device.install(desk.read("codec.husk"), Self.package)
  }

  private func extract(_ bundle: String) throws {
    let outcome = try desk.husk("grant", "extract", bundle, "--device", id, "--force", "-o", "unit.grant")
    try #require(outcome.status == 0, "\(outcome.stderr)")
    try device.install(desk.read("unit.grant"), Self.grant)
  }

  /// What the firmware says of the module.
  private func load() throws -> String {
    let outcome = try device.boot([Self.package, Self.grant])
    return String(outcome.stdout.split(separator: "\n").last ?? "")
  }
}
