import CLinux
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import TestSupport
import Testing

/// Secrets lie in memory that is kept out of core dumps and swap, and leave no copy elsewhere: root looks through all the
/// rest (remains.c).
@Suite("Memory that isn't protected", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct MemoryTests {
  @Test(
    "of the tool holds no private key, in no form, after it has used one",
    .disabled(if: Sanitizer.current != nil, "all of its memory is looked through: a sanitizer's is terabytes"))
  func tool() throws {
    let workshop = try Workshop()
    let deviceID = try workshop.deviceID()
    let commands = [
      "certify --key boot-root.pem --subject-key vendor.pub --role module --scope com.example. -o again.chain "
        + "--subject Vendor",
      "pack --name \(Workshop.module) --version 1.0.1 \(Workshop.vendor) -o again.husk \(Workshop.object.path)",
      "grant \(Workshop.vendor) --module \(Workshop.module) --device \(deviceID) -o again.grant",
    ]
    var needles = try workshop.secrets().flatMap(\.bytes)
    for key in Workshop.keys {
      let body = Secret.pemBody(try Data(contentsOf: workshop.directory.appending(path: key)))
      #expect(body.utf8.count == 64)
      needles += body.utf8
    }
    for command in commands {
      let report = try remains(of: needles, after: command, in: workshop.directory)
      #expect(!report.contains("found") && report.contains("looked 1 times"), "\(command): \(report)")
    }
    // What is no secret isn't wiped, and is found.
    let publicKey = Data(
      base64Encoded: Secret.pemBody(try Data(contentsOf: workshop.directory.appending(path: "vendor.pub"))))
    let report = try remains(
      of: #require(publicKey).suffix(32), after: commands[0].replacing("again.", with: "control."),
      in: workshop.directory)
    #expect(report.contains("found: 0 in "))
  }

  @Test("of decryptor and workers holds no key: neither the content key, nor a CDI, nor the grant key")
  func decryptor() throws {
    let device = try Device.withCounter()
    let secrets = try Secret.derived(fuses: device.fuses, flash: device.flash).flatMap(\.bytes)
    let contentKey = GrantFixture().contentKey
    let grantKey = try device.identity().grantKey
    for (needles, isSecret) in [(secrets + contentKey, true), (grantKey, false)] {
      let file = device.directory.appending(path: "needles")
      try Data(needles).write(to: file)
      let client = try device.startSecureWorld()
      _ = try client.identity()
      let tool = try Conversation(
        Compiler.program("remains").path, [file.path, "watch", "\(client.decryptor())"])
      try tool.wait(for: "ready\n")
      let package = try device.contents("modules/com.acme.counter.husk")
      let grant = try device.contents("grants/com.acme.counter.grant")
      for _ in 0..<3 { #expect(try client.refusal(package: package, grant: grant) == nil) }
      #expect(try client.refusal(package: package, grant: package) == .malformed)
      _ = try client.identity()
      let report = try tool.end().stdout
      #expect(report.contains("found") != isSecret, "\(report)")
      // A worker sends a message when it begins and when it is done, and the decryptor its reply, for each request.
      let times = try #require(report.firstMatch(of: /looked ([0-9]+) times/))
      #expect(try #require(Int(times.output.1)) > 5 * 3, "\(report)")
    }
  }

  /// Runs a command of the tool, and looks before it ends.
  private func remains(of secrets: some Sequence<UInt8>, after command: String, in directory: URL) throws -> String {
    let scratch = try Scratch()
    let file = scratch.directory.appending(path: "secrets")
    try Data(secrets).write(to: file)
    let outcome = try run(
      Compiler.program("remains").path,
      [file.path, "run", Workshop.tool] + command.split(separator: " ").map(String.init),
      environment: ["PATH": "/usr/bin:/bin", "HOME": "/"], directory: directory)
    #expect(outcome.status == 0, "\(outcome)")
    return outcome.stdout
  }
}
