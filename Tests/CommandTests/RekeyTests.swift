import BootChain
import DeviceSupport
import ErrorClass
import Foundation
import HuskFormat
import Testing

/// A device's life with a vendor's vault: everything lost, and other keys (issue of grants anew).
@Suite(
  "A real device and its vendor's vault",
  .enabled(if: devicesAvailable, "booting a device takes root and scripts/build-device.sh"))
struct RekeyTests {
  private let customer: Customer

  /// The device has the module, and its grant one.grant.
  init() throws {
    customer = try Customer("the vendor's")
    try customer.pack("1.2.3", answer: 42)
    #expect(try customer.grant("--module", "com.acme.codec", output: "one.grant").status == 0)
    try install("one.grant")
    #expect(try customer.load() == "answer 42")
  }

  @Test("gets back everything that it had by one command after its modules and grants were lost")
  func lost() throws {
    let before = try customer.device.startSecureWorld().identity()
    for file in [Customer.package, Customer.grant] { try customer.device.remove(file) }
    #expect(try customer.device.startSecureWorld().identity() == before)
    #expect(try customer.add() == "known")
    let outcome = try customer.grant("--reissue", output: "again.grant")
    #expect(outcome.status == 0, "\(outcome.stderr)")
    try install("again.grant")
    #expect(try customer.load() == "answer 42")
    #expect(try customer.desk.report("inspect", "again.grant")["sequence"] as? Int == 2)
  }

  @Test("whose whole flash was erased is the same device with another key, and gets everything for that")
  func erased() throws {
    for file in try FileManager.default.contentsOfDirectory(
      atPath: customer.device.flash.appending(path: "storage").path)
    {
      try customer.device.remove("storage/\(file)")
    }
    for file in [Customer.package, Customer.grant] { try customer.device.remove(file) }
    #expect(try customer.add() == "rekeyed")
    #expect(try customer.grant("--reissue", output: "again.grant").status == 0)
    try install("one.grant")
    #expect(try customer.load() == "refused (status \(ErrorClass.wrongGrantKey.rawValue))")
    try install("again.grant")
    #expect(try customer.load() == "answer 42")
    #expect(try customer.desk.report("device", "find", "acme.vault", customer.id)["device"] as? String == customer.id)
  }

  @Test("that was re-keyed replaces its grant key, and gets nothing for the former one")
  func rekeyed() throws {
    customer.device.state.keyEpoch += 1
    #expect(try customer.load() == "refused (status \(ErrorClass.wrongGrantKey.rawValue))")
    #expect(try customer.add() == "rekeyed")
    let show = try customer.desk.report("device", "show", "acme.vault", customer.id)
    #expect((show["formerIdentity"] as? [[String: Any]])?.count == 1)
    #expect((show["grant"] as? [[String: Any]])?.first?["forCurrentKey"] as? Bool == false)
    #expect(try customer.grant("--reissue", output: "two.grant").status == 0)
    try install("two.grant")
    #expect(try customer.load() == "answer 42")
    // Who turns the fuses back, or shows the former identity again, gets no grant for it.
    customer.device.state.keyEpoch -= 1
    #expect(
      try customer.add()
        == "husk: error: acme.vault: the device's key epoch is 1, but was 2 before (rollback)\n")
    #expect(try customer.load() == "refused (status \(ErrorClass.wrongGrantKey.rawValue))")
  }

  @Test("unlocked for debugging isn't taken in, nor one with another bootloader")
  func refused() throws {
    customer.device.state.lifecycle = .debug
    #expect(
      try customer.add().hasPrefix(
        "husk: error: unit.identity: the device is in state debug, not secured (wrong-lifecycle)"))
    customer.device.state.lifecycle = .secured
    let loader = try customer.device.identity().measurements[0].map { String(format: "%02x", $0) }.joined()
    #expect(try customer.desk.husk("vault", "trust", "remove", "acme.vault", String(loader.prefix(20))).status == 0)
    #expect(
      try customer.add().hasPrefix("husk: error: unit.identity: the bootloader \(loader.prefix(16))… isn't trusted\n"))
    let outcome = try customer.grant("--module", "com.acme.codec", output: "no.grant")
    #expect(outcome.status == 1)
    #expect(outcome.stderr.contains("isn't trusted"))
  }

  /// Brings the package back as well, where it was lost.
  private func install(_ grant: String) throws {
    try customer.installPackage()
    try customer.install(grant: grant)
  }
}
