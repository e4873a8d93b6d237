import BootChain
import Cryptography
import DICE
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecretBytes
import Testing

/// A device's life with a vendor's vault: everything lost, and other keys (issue of grants anew).
@Suite(
  "A real device and its vendor's vault",
  .enabled(if: devicesAvailable, "booting a device takes root and scripts/build-device.sh"))
struct RekeyTests {
  private let desk: Desk
  private let device: Device
  private let id: String

  private static let package = "modules/com.acme.codec.husk"
  private static let grant = "grants/com.acme.codec.grant"

  init() throws {
    desk = try Desk()
    device = try Device("the vendor's", firmware: Compiler.firmware("loads"))
    // The device's boot root is a key of the fixtures: it certifies the vendor too.
    try desk.write("root.pem", Self.pem(of: "boot root"))
    try desk.write("root.pub", TestKey.bootRoot.publicKey.pem())
    try desk.write("silicon.pub", TestKey.deviceRoot.publicKey.pem())
    try desk.make("keygen", "-o", "acme.pem")
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "acme.pub", "--subject", "Acme", "--role", "module", "--role",
      "grant", "--scope", "com.acme.", "--depth", "1", "-o", "acme.chain")
    try desk.make("vault", "create", "acme.vault", "--vault-key", "vault.key")
    try desk.write("codec.so", Data(contentsOf: Compiler.sharedObject("answer", ["-DANSWER=42", "-Wl,-z,now"])))
    try desk.pack()
    let measurements = try device.identity().measurements.map { $0.map { String(format: "%02x", $0) }.joined() }
    try desk.make(
      "vault", "trust", "add", "acme.vault", "--vault-key", "vault.key", "--device-root", "silicon.pub", "--boot-root",
      "root.pub", "--loader", measurements[0], "--decryptor", measurements[1])
    id = try device.identity().deviceID.map { String(format: "%02x", $0) }.joined()
    #expect(try add() == "added")
    #expect(try grant("--module", "com.acme.codec", output: "one.grant").status == 0)
    try install("one.grant")
    #expect(try load() == "answer 42")
  }

  @Test("gets back everything that it had by one command after its modules and grants were lost")
  func lost() throws {
    let before = try device.startSecureWorld().identity()
    for file in [Self.package, Self.grant] { try device.remove(file) }
    #expect(try device.startSecureWorld().identity() == before)
    #expect(try add() == "known")
    let outcome = try grant("--reissue", output: "again.grant")
    #expect(outcome.status == 0, "\(outcome.stderr)")
    try install("again.grant")
    #expect(try load() == "answer 42")
    #expect(try desk.report("inspect", "again.grant")["sequence"] as? Int == 2)
  }

  @Test("whose whole flash was erased is the same device with another key, and gets everything for that")
  func erased() throws {
    for file in try FileManager.default.contentsOfDirectory(atPath: device.flash.appending(path: "storage").path) {
      try device.remove("storage/\(file)")
    }
    for file in [Self.package, Self.grant] { try device.remove(file) }
    #expect(try add() == "rekeyed")
    #expect(try grant("--reissue", output: "again.grant").status == 0)
    try install("one.grant")
    #expect(try load() == "refused (status \(ErrorClass.wrongGrantKey.rawValue))")
    try install("again.grant")
    #expect(try load() == "answer 42")
    #expect(try desk.report("device", "find", "acme.vault", id)["device"] as? String == id)
  }

  @Test("that was re-keyed replaces its grant key, and gets nothing for the former one")
  func rekeyed() throws {
    device.state.keyEpoch += 1
    #expect(try load() == "refused (status \(ErrorClass.wrongGrantKey.rawValue))")
    #expect(try add() == "rekeyed")
    let show = try desk.report("device", "show", "acme.vault", id)
    #expect((show["formerIdentity"] as? [[String: Any]])?.count == 1)
    #expect((show["grant"] as? [[String: Any]])?.first?["forCurrentKey"] as? Bool == false)
    #expect(try grant("--reissue", output: "two.grant").status == 0)
    try install("two.grant")
    #expect(try load() == "answer 42")
    // Who turns the fuses back, or shows the former identity again, gets no grant for it.
    device.state.keyEpoch -= 1
    #expect(
      try add()
        == "husk: error: acme.vault: the device's key epoch is 1, but was 2 before (rollback)\n")
    #expect(try load() == "refused (status \(ErrorClass.wrongGrantKey.rawValue))")
  }

  @Test("unlocked for debugging isn't taken in, nor one with another bootloader")
  func refused() throws {
    device.state.lifecycle = .debug
    #expect(
      try add().hasPrefix("husk: error: unit.identity: the device is in state debug, not secured (wrong-lifecycle)"))
    device.state.lifecycle = .secured
    let loader = try device.identity().measurements[0].map { String(format: "%02x", $0) }.joined()
    #expect(try desk.husk("vault", "trust", "remove", "acme.vault", String(loader.prefix(20))).status == 0)
    #expect(try add().hasPrefix("husk: error: unit.identity: the bootloader \(loader.prefix(16))… isn't trusted\n"))
    let outcome = try grant("--module", "com.acme.codec", output: "no.grant")
    #expect(outcome.status == 1)
    #expect(outcome.stderr.contains("isn't trusted"))
  }

  /// Presents the device's identity; returns what the vault says of it.
  private func add() throws -> String {
    try desk.write("unit.identity", device.startSecureWorld().identity())
    let outcome = try desk.husk("device", "add", "acme.vault", "unit.identity", "--vault-key", "vault.key")
    return outcome.status == 0 ? String(outcome.stdout.dropFirst(65).dropLast()) : outcome.stderr
  }

  private func grant(_ words: String..., output: String) throws -> Outcome {
    try desk.husk(
      [
        "grant", "--vault", "acme.vault", "--vault-key", "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
        "--device", id, "-o", output,
      ] + words)
  }

  private func install(_ grant: String) throws {
    try device.install(desk.read("codec.husk"), Self.package)
    try device.install(desk.read(grant), Self.grant)
  }

  /// What the firmware says of the module.
  private func load() throws -> String {
    let outcome = try device.boot([Self.package, Self.grant])
    return String(outcome.stdout.split(separator: "\n").last ?? "")
  }

  private static func pem(of name: String) throws -> [UInt8] {
    let pem = try SigningKey(ed25519Seed: secret(named: name)).pem()
    return pem.withBytes { $0.withUnsafeBytes { Array($0) } }
  }
}
