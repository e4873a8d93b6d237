import COSE
import Cryptography
import DICE
import HostSupport
import HuskFormat
import SecretBytes

/// Devices that don't exist but for their identities, which are as real as any: each with a secret of its own, and every
/// signature made.
struct Fleet: Sendable {
  private let root: SharedKey
  private let loader: DICE.Inputs
  private let decryptor: DICE.Inputs

  /// - Parameters:
  ///   - root: of the silicon maker.
  ///   - bootRoot: thumbprint of the root under which the secure worlds were started.
  ///   - images: of the bootloader and the decryptor.
  init(root: consuming SigningKey, bootRoot: [UInt8], loader: [UInt8], decryptor: [UInt8]) throws {
    self.root = SharedKey(root)
    self.loader = try Self.inputs(loader, .bootLoader, bootRoot)
    self.decryptor = try Self.inputs(decryptor, .bootDecryptor, bootRoot)
  }

  /// The identity file of a new device.
  func makeIdentity() throws -> [UInt8] {
    let uds = DICE.Secrets(attest: try randomSecret(count: 32), seal: try randomSecret(count: 32))
    let first = try uds.derived(with: loader)
    let second = try first.derived(with: decryptor)
    let udsKey = try DICE.signingKey(from: uds.attest)
    let firstKey = try DICE.signingKey(from: first.attest)
    let secondKey = try DICE.signingKey(from: second.attest)
    let grantKey = try X25519PrivateKey(second.seal).publicKey
    let claims = DeviceKeyClaims(grantKey: grantKey, lifecycle: .secured, keyEpoch: 1, generation: 0)
    return IdentityFile.encode(
      silicon: try silicon(udsKey),
      dice: [
        try DICECertificate.issue(inputs: loader, subject: firstKey, issuer: udsKey),
        try DICECertificate.issue(inputs: decryptor, subject: secondKey, issuer: firstKey),
      ],
      deviceKey: try Sign1.sign(payload: claims.encoded(), type: DeviceKeyClaims.type, with: secondKey))
  }

  private func silicon(_ key: borrowing SigningKey) throws -> [UInt8] {
    let claims = CertificateClaims(
      subject: Array("device".utf8), notAfter: nil, notBefore: nil, issuedAt: 1_790_000_000, key: try key.publicKey(),
      roles: [.silicon], scope: .everything, depth: 0)
    let certificate = try Sign1.sign(payload: claims.encoded(), type: CertificateClaims.type, with: root.key)
    return CertificateChain.encode(root: try root.key.publicKey(), certificates: [certificate])
  }

  private static func inputs(_ image: [UInt8], _ role: Role, _ bootRoot: [UInt8]) throws -> DICE.Inputs {
    let zeros = [UInt8](repeating: 0, count: DICE.inputSize)
    let inputs = DICE.Inputs(
      code: try SHA512.hash(image.span.bytes), configuration: zeros,
      authority: try sealingAuthority(bootRoot: bootRoot, role: role), mode: .normal, hidden: zeros)
    guard let inputs else { throw CryptographyError.invalidLength }
    return inputs
  }

  private final class SharedKey: Sendable {
    let key: SigningKey
    init(_ key: consuming SigningKey) { self.key = key }
  }
}
