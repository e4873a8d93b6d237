import COSE
import Cryptography
import DICE
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// What husk and a device write, read by code that was written from SPEC.md alone.
@Suite(
  "Reading by the second implementation",
  .enabled(if: devicesAvailable && Interop.isAvailable, "takes devices and scripts/interop.sh"))
struct ReadingTests {
  private let office: Office

  init() throws {
    office = try Office.shared()
  }

  @Test("opens a package with a device's key to the very module", arguments: ["codec", "library"])
  func open(_ name: String) throws {
    try office.interop(
      ["open", "\(name).husk", "\(name).grant", "--status", "vendor.status", "-o", "\(name).opened"]
        + Office.deviceArguments)
    let opened = try office.read("\(name).opened")
    #expect(opened.count > 10_000)
    #expect(try opened == office.read("\(name).so"))
  }

  @Test("finds in an identity what husk finds")
  func identity() throws {
    struct Facts: Decodable {
      let device_id: String
      let grant_key: String
      let lifecycle: UInt64
      let generation: UInt64
    }
    let facts = try JSONDecoder().decode(
      Facts.self,
      from: office.interop(["verify", "unit.identity", "--root", "boot-root.pub", "--device-root", "device-root.pub"]))
    let identity = try IdentityFile(office.read("unit.identity")).verify(by: .vendor).value
    #expect(facts.device_id == hex(identity.deviceID))
    #expect(facts.grant_key == hex(identity.grantKey))
    #expect(facts.lifecycle == 0x3000)
    #expect(facts.generation == 0)
  }

  @Test("verifies a package by a P-256 key at the end of a longer chain")
  func longChain() throws {
    try office.husk(["keygen", "--type", "p256", "-o", "hsm.pem"])
    try office.husk(
      ["certify", "--subject-key", "hsm.pub", "--subject", "HSM", "--role", "module", "--scope", "com.example.hsm."]
        + Office.signingArguments + ["-o", "hsm.chain"])
    try office.husk(
      [
        "pack", "codec.so", "--name", "com.example.hsm.codec", "--version", "1.0.0", "--vault", "vendor.vault",
        "--vault-key", "vault.key", "--key", "hsm.pem", "--chain", "hsm.chain", "-o", "hsm.husk",
      ])
    struct Facts: Decodable {
      let name: String
      let vendor_scope: String
    }
    let facts = try JSONDecoder().decode(
      Facts.self, from: office.interop(["verify", "hsm.husk", "--root", "boot-root.pub"]))
    #expect(facts.name == "com.example.hsm.codec")
    #expect(facts.vendor_scope == "com.example.")
  }

  @Test("verifies the head of a vault's log")
  func logHead() throws {
    struct Facts: Decodable {
      let count: Int
    }
    try office.husk(["vault", "create", "log.vault", "--vault-key", "log.key"])
    try office.husk(["vault", "head", "log.vault", "--key", "vendor.pem", "-o", "log.head"])
    let told = try JSONSerialization.jsonObject(with: Data(office.husk(["vault", "head", "log.vault", "--json"]).utf8))
    let facts = try JSONDecoder().decode(
      Facts.self, from: office.interop(["verify", "log.head", "--signer", "vendor.pub"]))
    #expect(facts.count > 0)
    #expect(facts.count == (told as? [String: Any])?["events"] as? Int)
  }

  @Test("takes grants from a bundle as husk does, and puts all of them together to the same file")
  func bundle() throws {
    let devices = try makeFleet(130)
    struct Found: Decodable {
      let grants: Int
    }
    for device in [devices[0], devices[64], devices[129]] {
      try office.husk(["grant", "extract", "fleet.grants", "--device", device, "--force", "-o", "one.grant"])
      let found = try JSONDecoder().decode(
        Found.self, from: office.interop(["extract", "fleet.grants", "--device", device, "-o", "one"]))
      #expect(found.grants == 1)
      #expect(try office.read("one.0") == office.read("one.grant"))
    }
    let stranger = String(repeating: "0f", count: 32)
    let none = try JSONDecoder().decode(
      Found.self, from: office.interop(["extract", "fleet.grants", "--device", stranger, "-o", "none"]))
    #expect(none.grants == 0)

    try office.interop(["extract", "fleet.grants", "-o", "all"])
    try office.interop(["bundle"] + (0..<130).map { "all.\($0)" } + ["-o", "again.grants"])
    #expect(try office.read("again.grants") == office.read("fleet.grants"))
  }

  /// fleet.grants, for so many devices; their ids in order.
  private func makeFleet(_ count: Int) throws -> [String] {
    var identities: [UInt8] = []
    var ids: [String] = []
    for number in 0..<count {
      var fixture = IdentityFixture()
      fixture.uds = bytes(named: "UDS \(number)")
      let key = TestKey(try DICE.signingKey(from: secret(fixture.uds)))
      fixture.silicon = ChainFixture(root: .deviceRoot, [LinkFixture("Unit", [.silicon], key: key)])
      fixture.claims = DeviceKeyClaims(
        grantKey: TestGrantKey("unit \(number)").publicKey, lifecycle: .secured, keyEpoch: 1, generation: 0)
      identities += try fixture.file()
      ids.append(hex(key.thumbprint))
    }
    try Data(identities).write(to: office.directory.appending(path: "fleet.identities"))
    let layers = IdentityFixture().layers.map { hex($0.inputs.code) }
    let unlocking = ["fleet.vault", "--vault-key", "fleet.key"]
    try office.husk(["vault", "create"] + unlocking)
    try office.husk(
      ["vault", "trust", "add"] + unlocking + [
        "--device-root", "device-root.pub", "--boot-root", "boot-root.pub", "--loader", layers[0], "--decryptor",
        layers[1],
      ])
    try office.husk(["device", "import"] + unlocking + ["fleet.identities"])
    let vault = ["--vault", "fleet.vault", "--vault-key", "fleet.key"]
    try office.husk(
      ["pack", "codec.so", "--name", "com.example.fleet", "--version", "1.0.0", "-o", "fleet.husk"] + vault
        + Office.signingArguments)
    try office.husk(
      ["grant", "--module", "com.example.fleet", "--all", "--bundle", "fleet.grants"] + vault
        + Office.signingArguments)
    return ids.sorted()
  }
}

private func hex(_ bytes: [UInt8]) -> String {
  bytes.map { String(format: "%02x", $0) }.joined()
}
