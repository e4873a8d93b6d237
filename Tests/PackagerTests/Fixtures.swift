import CBOR
import Cryptography
import DICE
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Packager
import TestSupport

let now = Moment.present

func signingKey(_ name: String) throws -> SigningKey {
  try SigningKey(ed25519Seed: secret(named: name))
}

extension ChainFixture {
  func chainFile() throws -> ChainFile {
    var encoder = CBOREncoder()
    FileLabel.chain.encode(to: &encoder)
    encoder.encode(encoded: try encoded())
    return try ChainFile(encoder.bytes)
  }
}

/// Acme's signer of modules, com.acme.
func moduleSigner() throws -> SigningIdentity {
  try SigningIdentity(
    key: signingKey("Acme codecs"), chain: ChainFixture.module.chainFile(), role: .module, now: now)
}

/// A shared object that lint has no objection to.
func sampleModule() throws -> [UInt8] {
  [UInt8](try Data(contentsOf: Compiler.sharedObject("answer", ["-DANSWER=42", "-Wl,-z,now"])))
}

/// What gcc makes of a C program of its own.
func build(_ flags: [String], source: String = "int main(void) { return 0; }") throws -> [UInt8] {
  let scratch = try Scratch()
  let input = scratch.directory.appending(path: "program.c")
  let output = scratch.directory.appending(path: "program")
  try Data(source.utf8).write(to: input)
  try require("gcc", flags + ["-o", output.path, input.path])
  return [UInt8](try Data(contentsOf: output))
}

/// An identity that was started under the boot root of the fixtures.
func identity(_ lifecycle: Lifecycle = .secured) throws -> Verified<DeviceIdentity> {
  var fixture = IdentityFixture()
  fixture.claims = DeviceKeyClaims(
    grantKey: TestGrantKey.device.publicKey, lifecycle: lifecycle, keyEpoch: 2, generation: 0)
  for (index, role) in [Role.bootLoader, .bootDecryptor].enumerated() {
    let old = fixture.layers[index].inputs
    guard
      let inputs = DICE.Inputs(
        code: old.code, configuration: old.configuration,
        authority: try sealingAuthority(bootRoot: TestKey.bootRoot.thumbprint, role: role), mode: lifecycle.mode,
        hidden: old.hidden)
    else { preconditionFailure("inputs have 64 bytes") }
    fixture.layers[index].inputs = inputs
  }
  return try IdentityFile(fixture.file()).verify(with: .vendor, bootRoots: [TestKey.bootRoot.thumbprint])
}

extension GrantIssuer {
  /// One grant by itself.
  func issue(to recipient: GrantRecipient, sequence: UInt64) throws -> GrantRecord {
    var sender = try HPKE.Sender()
    return try issue(to: recipient, sequence: sequence, &sender)
  }
}
