import CBOR
import COSE
import Cryptography
public import DICE
public import HuskFormat
import SecretBytes

/// A DICE layer to be made.
public struct LayerFixture: Sendable {
  public var inputs: DICE.Inputs
  /// Signs instead of the layer above.
  public var signer: TestKey?
  public var type: StaticString?
  /// Changes the claims before they are signed.
  public var edit: Edit = { $0 }

  public init(_ name: String, _ role: Role, mode: DICE.Mode = .normal, bootRoot: TestKey = .bootRoot) {
    inputs = Self.inputs(name, role, mode: mode, bootRoot: bootRoot)
  }

  public static func inputs(
    _ name: String, _ role: Role, mode: DICE.Mode = .normal, bootRoot: TestKey = .bootRoot
  ) -> DICE.Inputs {
    let input = { (part: String) in bytes(named: name + part) + bytes(named: part + name) }
    let authority = succeed { () throws in try sealingAuthority(bootRoot: bootRoot.thumbprint, role: role) }
    guard
      let inputs = DICE.Inputs(
        code: input("code"), configuration: input("configuration"), authority: authority, mode: mode,
        hidden: input("hidden"))
    else { preconditionFailure("inputs have 64 bytes") }
    return inputs
  }
}

extension IdentityFile {
  /// As a vendor verifies it who trusts the usual boot root, and one more.
  public func verify(by verifier: ChainVerifier) throws(FormatError) -> Verified<DeviceIdentity> {
    try verify(with: verifier, bootRoots: [TestKey("other boot root").thumbprint, TestKey.bootRoot.thumbprint])
  }
}

/// An identity to be made. What isn't changed is as it should be.
public struct IdentityFixture: Sendable {
  public var uds = bytes(named: "UDS")
  public var silicon: ChainFixture
  public var layers = [LayerFixture("bootloader", .bootLoader), LayerFixture("decryptor", .bootDecryptor)]
  public var claims = DeviceKeyClaims(
    grantKey: TestGrantKey.device.publicKey, lifecycle: .secured, keyEpoch: 2, generation: 0)
  public var type: StaticString = DeviceKeyClaims.type
  /// Certifies the grant key instead of the last layer's key.
  public var signer: TestKey?
  /// Changes the claims of the grant key before they are signed.
  public var editClaims: Edit = { $0 }

  public init() {
    let key = TestKey(uds: uds)
    silicon = ChainFixture(
      root: .deviceRoot,
      [LinkFixture("Fab", [.silicon], depth: 1), LinkFixture("device 1", [.silicon], key: key)])
  }

  public func file() throws -> [UInt8] {
    var secrets = DICE.Secrets(attest: try secret(uds), seal: try secret(uds))
    var certificates: [[UInt8]] = []
    for layer in layers {
      let next = try secrets.derived(with: layer.inputs)
      certificates.append(try certificate(layer, secrets, next))
      secrets = next
    }
    let last = TestKey(try DICE.signingKey(from: secrets.attest))
    return IdentityFile.encode(
      silicon: try silicon.encoded(), dice: certificates,
      deviceKey: try (signer ?? last).sign(editClaims(claims.encoded()), type: type))
  }

  private func certificate(
    _ layer: LayerFixture, _ secrets: borrowing DICE.Secrets, _ next: borrowing DICE.Secrets
  ) throws -> [UInt8] {
    let issuer = TestKey(try DICE.signingKey(from: secrets.attest))
    let issued = try DICECertificate.issue(
      inputs: layer.inputs, subject: DICE.signingKey(from: next.attest),
      issuer: DICE.signingKey(from: secrets.attest))
    var reader = CBORReader(issued)
    let claims = Array(try Sign1(&reader).payload)
    return try (layer.signer ?? issuer).sign(layer.edit(claims), type: layer.type)
  }
}

extension TestKey {
  /// The key that a device derives from its UDS.
  public convenience init(uds: [UInt8]) {
    self.init(succeed { () throws in try DICE.signingKey(from: secret(uds)) })
  }
}
