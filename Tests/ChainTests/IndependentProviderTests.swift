import CBOR
import CLinux
import COSE
import Cryptography
import DICE
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import TestSupport
import Testing

/// SPEC 7.6 is enough to take the mock provider's place: `Tests/Programs/independent_provider.py` was written from it.
@Suite("A secret provider of other make", .enabled(if: devicesAvailable, needsDevices))
struct IndependentProviderTests {
  /// What the platform's own place for secrets gives; no fuses, no boot chain.
  private func makeSecrets(in folder: URL, _ fixture: IdentityFixture) throws {
    let attest = bytes(named: "CDI_Attest of another platform")
    let seal = bytes(named: "CDI_Seal of another platform")
    let uds = try DICE.signingKey(from: secret(fixture.uds))
    let middle = try DICE.signingKey(from: secret(bytes(named: "a layer between")))
    let last = try DICE.signingKey(from: secret(attest))
    var dice = CBOREncoder()
    dice.beginArray(2)
    dice.encode(
      encoded: try DICECertificate.issue(inputs: fixture.layers[0].inputs, subject: middle, issuer: uds))
    dice.encode(
      encoded: try DICECertificate.issue(inputs: fixture.layers[1].inputs, subject: last, issuer: middle))
    try Data(attest + seal).write(to: folder.appending(path: "cdis"))
    try Data(fixture.silicon.encoded()).write(to: folder.appending(path: "silicon"))
    try Data(dice.bytes).write(to: folder.appending(path: "dice"))
    try Data(TestKey.bootRoot.thumbprint).write(to: folder.appending(path: "roots"))
  }

  @Test("has the decryptor show an identity that vendors accept, and load what is granted to it")
  func identityAndModule() throws {
    let scratch = try Scratch()
    let fixture = IdentityFixture()
    try makeSecrets(in: scratch.directory, fixture)
    let script = packageRoot.appending(path: "Tests/Programs/independent_provider.py").path
    let provider = try Conversation(
      "python3", [script, Release.host.stage("decryptor").path, scratch.directory.path])
    let line = try provider.line()
    #expect(line.hasPrefix("identity "))
    let identity = try IdentityFile(bytes(fromHex: String(line.dropFirst("identity ".count))))
      .verify(with: .vendor, bootRoots: [TestKey.bootRoot.thumbprint]).value
    #expect(identity.deviceID == fixture.silicon.last.thumbprint)
    #expect(identity.lifecycle == .secured)

    let module = try module()
    var grant = GrantFixture(for: identity)
    func load() throws -> String {
      let package = scratch.directory.appending(path: "package").path
      let file = scratch.directory.appending(path: "grant").path
      try Data(module.file()).write(to: URL(filePath: package))
      try Data(grant.file()).write(to: URL(filePath: file))
      try provider.say("\(package) \(file)\n")
      return try provider.line()
    }
    #expect(try load() == hex(SHA256.hash(module.object.span.bytes)))
    // Its word on the time counts: that of its own clock, which is the machine's.
    grant.terms.notAfter = UInt64(Date().timeIntervalSince1970) - 100
    #expect(try load() == "refused \(ErrorClass.expired.rawValue)")
    grant.terms.notAfter = nil
    grant.recipientKey = TestGrantKey("another device").publicKey
    #expect(try load() == "refused \(ErrorClass.keyUnwrapFailed.rawValue)")

    let outcome = try provider.end()
    #expect(outcome.stderr == "")
    let asked = try #require(outcome.stdout.firstMatch(of: #/asked ([0-9 ]+)\ncounted 2\nended 0\n/#)).output.1.split(
      separator: " ")
    #expect(asked.first == "0")
    #expect(asked.count { $0 == "0" } == 1, "the secrets once")
    #expect(asked.count { $0 == "3" } == 4, "the time for the identity and each load")
    #expect(asked.count { $0 == "2" } == 2, "two steps of the counter for what was loaded, the run's first change")
    #expect(outcome.status == 0)
  }
}
