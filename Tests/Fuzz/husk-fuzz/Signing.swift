import BootChain
import CBOR
import CLinux
import COSE
import Cryptography
import DICE
import FormatFixtures
import Foundation
import HuskFormat

/// The keys that the vectors are signed with.
///
/// A change of anything signed ends at its signature. So most targets look at an input twice: as it is, and signed anew by
/// whoever should have signed it. What lies behind signatures is reached that way.
enum Keys {
  private static let all: [[UInt8]: TestKey] = {
    let names = [
      "boot root", "device root", "other boot root", "stranger", "key", "Acme", "Acme codecs", "Acme grants",
      "Acme status", "Platform", "Fab", "grant job",
    ]
    var keys = names.map { TestKey($0) } + ["P-256 root", "P-256 vendor", "P-256 product"].map { TestKey(p256: $0) }
    keys += deviceKeys
    return Dictionary(keys.map { ($0.publicKey.bytes, $0) }) { first, _ in first }
  }()

  /// Those of a device, from its UDS down.
  private static var deviceKeys: [TestKey] {
    let device = IdentityFixture()
    guard var secrets = try? DICE.Secrets(attest: secret(device.uds), seal: secret(device.uds)) else { return [] }
    var keys = [TestKey(uds: device.uds)]
    for layer in device.layers {
      guard let next = try? secrets.derived(with: layer.inputs) else { break }
      secrets = next
      if let key = try? DICE.signingKey(from: secrets.attest) { keys.append(TestKey(key)) }
    }
    return keys
  }

  /// A COSE_Sign1 of a payload by whoever has a key. If that is nobody here, it is signed by somebody else.
  static func sign(_ payload: ArraySlice<UInt8>, type: StaticString?, as key: PublicKey?) -> [UInt8] {
    let signer = key.flatMap { all[$0.bytes] } ?? TestKey.stranger
    return (try? signer.sign(Array(payload), type: type)) ?? []
  }
}

extension CertificateChain {
  /// The chain, signed anew.
  func signedAnew() -> [UInt8] {
    var issuer: PublicKey? = root
    var certificates: [[UInt8]] = []
    for (index, certificate) in self.certificates.enumerated() {
      certificates.append(Keys.sign(certificate.payload, type: CertificateClaims.type, as: issuer))
      issuer = attempt { () throws(FormatError) in try unverifiedClaims(at: index) }?.key
    }
    return CertificateChain.encode(root: root, certificates: certificates)
  }

  /// The key that its last certificate names.
  var lastKey: PublicKey? { attempt { () throws(FormatError) in try unverifiedLastKey() } }
}

extension PackageFront {
  /// A package, signed anew.
  ///
  /// - Parameter manifest: instead of the one that it has.
  func signedAnew(_ manifest: Manifest? = nil, payload: ArraySlice<UInt8>) -> [UInt8] {
    let signed = manifest.map { $0.encoded()[...] } ?? object.payload
    return PackageFront.encode(
      chain: chain.signedAnew(), signedManifest: Keys.sign(signed, type: Manifest.type, as: chain.lastKey),
      payloadSize: manifest?.payloadSize ?? declaredPayloadSize) + payload
  }
}

extension GrantFile {
  func signedAnew() -> [UInt8] {
    GrantFile.encode(
      chain: chain.signedAnew(), signedGrant: Keys.sign(object.payload, type: Grant.type, as: chain.lastKey))
  }
}

extension StatusListFile {
  func signedAnew() -> [UInt8] {
    StatusListFile.encode(
      chain: chain.signedAnew(), signedList: Keys.sign(object.payload, type: StatusList.type, as: chain.lastKey))
  }
}

extension IdentityFile {
  func signedAnew() -> [UInt8] {
    var issuer = silicon.lastKey
    var layers: [[UInt8]] = []
    for layer in dice {
      layers.append(Keys.sign(layer.object.payload, type: nil, as: issuer))
      issuer = layer.subjectKey
    }
    return IdentityFile.encode(
      silicon: silicon.signedAnew(), dice: layers,
      deviceKey: Keys.sign(deviceKey.payload, type: DeviceKeyClaims.type, as: issuer))
  }
}

extension Sign1 {
  /// As it was.
  var encoded: [UInt8] {
    var encoder = CBOREncoder()
    encoder.tag(Self.tag)
    encoder.beginArray(4)
    encoder.encode(bytes: protectedHeader)
    encoder.beginMap(0)
    encoder.encode(bytes: payload)
    encoder.encode(bytes: signature)
    return encoder.bytes
  }
}

extension ChainVerifier {
  /// Trusts all roots of the vectors.
  static let fuzzing = ChainVerifier(
    anchors: .of(.bootRoot, .deviceRoot, TestKey("other boot root"), TestKey(p256: "P-256 root")),
    time: TimeBasis(lowerBound: Moment.present, trustedClock: nil))
}

/// All payloads that somebody signed, as far as the seeds hold them. What verifies, and was not signed anew, is one of
/// them: the fuzzer has no key.
enum SignedParts {
  nonisolated(unsafe) private static var known: Set<[UInt8]>?

  /// Takes in the seeds in a directory.
  static func learn(from directory: String) {
    var parts: Set<[UInt8]> = []
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
      // Not by Foundation, whose way to read a file leaks, which would be reported of every run.
      let file = linux_open_read("\(directory)/\(name)")
      guard file >= 0 else { continue }
      defer { close(file) }
      if let bytes = readFile(file, at: 0, count: Int(max(linux_regular_file_size(file), 0))) {
        parts.formUnion(signedParts(of: bytes))
      }
    }
    known = parts
  }

  /// To be told of what verified as it came.
  static func check(_ chain: CertificateChain, _ objects: Sign1...) {
    check(chain.certificates + objects)
  }

  static func check(_ objects: [Sign1]) {
    guard let known else { return }
    for object in objects {
      expect(known.contains(Array(object.payload)), "what verifies was never signed")
    }
  }

  private static func signedParts(of bytes: [UInt8]) -> [[UInt8]] {
    var objects: [Sign1] = []
    func take(_ chain: CertificateChain, _ others: Sign1...) { objects += chain.certificates + others }
    if let chain = attempt({ () throws(FormatError) in try CertificateChain(file: bytes) }) { take(chain) }
    if let file = attempt({ () throws(FormatError) in try GrantFile(bytes) }) { take(file.chain, file.object) }
    if let file = attempt({ () throws(FormatError) in try StatusListFile(bytes) }) { take(file.chain, file.object) }
    if let file = attempt({ () throws(FormatError) in try PackageFront(bytes) }) { take(file.chain, file.object) }
    if let file = attempt({ () throws(FormatError) in try IdentityFile(bytes) }) {
      take(file.silicon, file.deviceKey)
      objects += file.dice.map(\.object)
    }
    for grant in LooseBundle(bytes)?.grants ?? [] {
      if let file = attempt({ () throws(FormatError) in try GrantFile(grant.file) }) { take(file.chain, file.object) }
    }
    objects += LooseExport(bytes)?.signedObjects ?? []
    return objects.map { Array($0.payload) }
  }
}
