import DeviceSupport
import ErrorClass
import Foundation
import HuskFormat
import Testing

/// What an epoch is for, on a real device: updates without new grants, and revocation.
@Suite(
  "A module's epochs, on a real device",
  .enabled(if: devicesAvailable, "booting a device takes root and scripts/build-device.sh"))
struct EpochTests {
  private let customer: Customer

  init() throws {
    customer = try Customer("of epochs")
  }

  @Test("updates load with the grant that the device has; after a rotation they need the next one")
  func epochs() throws {
    try customer.pack("1.0.0", answer: 41)
    try grantToAll("a.grants")
    try extract("a.grants")
    #expect(try customer.load() == "answer 41")

    // The same epoch: no new grant.
    try customer.pack("1.1.0", answer: 42)
    #expect(try customer.load() == "answer 42")

    try rotate()
    try customer.pack("2.0.0", answer: 43)
    #expect(try customer.load() == "refused (status \(ErrorClass.wrongEpoch.rawValue))")
    #expect(try customer.desk.husk(Customer.granting + ["--all", "--reissue", "--bundle", "b.grants"]).status == 0)
    try extract("b.grants")
    #expect(try customer.load() == "answer 43")
  }

  @Test("a device that was revoked keeps what it had, and can't read what comes after")
  func revoked() throws {
    try customer.pack("1.0.0", answer: 41)
    try grantToAll("a.grants")
    try extract("a.grants")
    let status = try customer.desk.husk(
      "device", "status", "acme.vault", "recalled", customer.id, "--why", "a test", "--vault-key", "vault.key")
    #expect(status.status == 0)
    try rotate()
    let reissue = try customer.desk.husk(Customer.granting + ["--all", "--reissue", "--bundle", "b.grants"])
    #expect(reissue.stdout == "granted   0\nleft out  1\nreasons\n  recalled  1\n")
    #expect(reissue.status == 1)
    #expect(!FileManager.default.fileExists(atPath: customer.desk.directory.appending(path: "b.grants").path))
    #expect(try customer.load() == "answer 41")
    try customer.pack("2.0.0", answer: 43)
    #expect(try customer.load() == "refused (status \(ErrorClass.wrongEpoch.rawValue))")
  }

  @Test("a package or a grant that demands a status list isn't loaded by a device that has seen none")
  func minimumStatus() throws {
    let refused = "refused (status \(ErrorClass.statusRequired.rawValue))"
    try customer.pack("1.0.0", answer: 41, "--minimum-status", "3")
    #expect(try customer.desk.report("inspect", "codec.husk")["minimumStatus"] as? Int == 3)
    #expect(try customer.grant("--module", "com.acme.codec", output: "a.grant").status == 0)
    try customer.install(grant: "a.grant")
    #expect(try customer.load() == refused)
    try customer.pack("1.0.1", answer: 42)
    #expect(try customer.load() == "answer 42")
    #expect(try customer.grant("--module", "com.acme.codec", "--minimum-status", "1", output: "b.grant").status == 0)
    #expect(try customer.desk.report("inspect", "b.grant")["minimumStatus"] as? Int == 1)
    try customer.install(grant: "b.grant")
    #expect(try customer.load() == refused)
  }

  private func grantToAll(_ bundle: String) throws {
    let words = ["--module", "com.acme.codec", "--all", "--bundle", bundle]
    #expect(try customer.desk.husk(Customer.granting + words).status == 0)
  }

  private func rotate() throws {
    let outcome = try customer.desk.husk(
      "module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key")
    #expect(outcome.status == 0)
  }

  private func extract(_ bundle: String) throws {
    let outcome = try customer.desk.husk(
      "grant", "extract", bundle, "--device", customer.id, "--force", "-o", "unit.grant")
    try #require(outcome.status == 0, "\(outcome.stderr)")
    try customer.install(grant: "unit.grant")
  }
}
