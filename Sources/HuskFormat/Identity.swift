import CBOR
public import COSE
import Cryptography
public import DICE
import ErrorClass

/// What a vendor learns from a verified identity (SPEC 6).
public struct DeviceIdentity: Equatable, Sendable {
  /// Thumbprint of the UDS public key, 32 bytes: survives updates and re-keying.
  public let deviceID: [UInt8]
  /// X25519, 32 bytes: what content keys are wrapped to.
  public let grantKey: [UInt8]
  public let grantKeyThumbprint: [UInt8]
  public let lifecycle: Lifecycle
  public let keyEpoch: UInt64
  /// Of its secure storage (SPEC 7.8).
  public let generation: UInt64
  /// SHA-512 of the bootloader's and the decryptor's image.
  public let measurements: [[UInt8]]
  /// Thumbprints of the boot roots that bootloader and decryptor verified under.
  public let bootRoots: [[UInt8]]
}

/// An identity file (SPEC 6), parsed but not verified.
public struct IdentityFile: Sendable {
  public let silicon: CertificateChain
  /// Bootloader, decryptor.
  public let dice: [DICECertificate]
  public let deviceKey: Sign1

  /// The DICE layers of a device.
  public static let layers = 2

  public init(_ bytes: [UInt8]) throws(FormatError) {
    guard bytes.count <= Limits.identity else { throw FormatError(.limitExceeded, in: .identity) }
    var reader = CBORReader(bytes)
    try FileLabel.identity.read(&reader)
    try parsing(.identity) { () throws(CBORError) in try reader.expectArray(of: 3) }
    silicon = try CertificateChain(&reader)
    try parsing(.identity) { () throws(CBORError) in try reader.expectArray(of: Self.layers) }
    var dice: [DICECertificate] = []
    for index in 0..<Self.layers {
      let start = reader.position
      do throws(COSEError) {
        dice.append(try DICECertificate(&reader))
      } catch {
        throw FormatError(error, in: .diceCertificate(index), startingAt: start)
      }
    }
    self.dice = dice
    deviceKey = try parsing(.deviceKey) { () throws(CBORError) in try Sign1(&reader) }
    try parsing(.identity) { () throws(CBORError) in try reader.finish() }
  }

  /// What the identity claims, unverified: for showing to people.
  public func unverifiedClaims() throws(FormatError) -> DeviceKeyClaims {
    try DeviceKeyClaims(parsing: deviceKey.payload)
  }

  /// The device id that the identity claims, unverified.
  public func unverifiedDeviceID() throws(FormatError) -> [UInt8] {
    let key = try silicon.unverifiedLastKey()
    do throws(CryptographyError) {
      return try COSEKey.thumbprint(key)
    } catch {
      throw FormatError(error, in: .identity)
    }
  }

  /// Verifies an identity: the steps of SPEC 6.5.
  ///
  /// - Parameters:
  ///   - verifier: trusts the device roots.
  ///   - bootRoots: thumbprints of the boot roots under which the device's secure world may have been started.
  public func verify(
    with verifier: ChainVerifier, bootRoots: [[UInt8]]
  ) throws(FormatError) -> Verified<DeviceIdentity> {
    try verify(bootRoots: bootRoots) { (silicon) throws(FormatError) in
      try verifier.verify(silicon, role: .silicon)
    }
  }

  /// Verifies an identity.
  ///
  /// - Parameter verifySilicon: verifies the silicon chain for role `silicon`, as a ``ChainVerifier`` does.
  package func verify(
    bootRoots: [[UInt8]], silicon verifySilicon: (CertificateChain) throws(FormatError) -> ChainVerifier.Authority
  ) throws(FormatError) -> Verified<DeviceIdentity> {
    let claims = try unverifiedClaims()
    let authority = try verifySilicon(silicon)
    var key = authority.key
    for (index, certificate) in dice.enumerated() {
      let part = FormatError.Part.diceCertificate(index)
      do throws(DICEError) {
        try certificate.verify(issuerKey: key)
      } catch {
        throw switch error {
        case .cose(let error): FormatError(error, in: part)
        case .claimsMismatch: FormatError(.chainInvalid, in: part)
        }
      }
      key = certificate.subjectKey
    }
    try ChainVerifier.verify(deviceKey, with: key, type: DeviceKeyClaims.type, part: .deviceKey)
    for (index, certificate) in dice.enumerated() where certificate.mode != claims.lifecycle.mode {
      throw FormatError(.chainInvalid, in: .diceCertificate(index))
    }
    let identity = try DeviceIdentity(
      udsKeyThumbprint: authority.keyThumbprint, claims: claims, dice: dice, bootRoots: authorities(among: bootRoots))
    return Verified(identity, by: authority, issuedAt: authority.issuedAt)
  }

  /// The boot roots that the layers were started under, each in its own role; throws `untrustedRoot` for others.
  private func authorities(among bootRoots: [[UInt8]]) throws(FormatError) -> [[UInt8]] {
    var found: [[UInt8]] = []
    for (index, role) in [Role.bootLoader, .bootDecryptor].enumerated() {
      for root in bootRoots where found.count == index {
        if try sealingAuthority(bootRoot: root, role: role) == dice[index].authorityHash { found.append(root) }
      }
      guard found.count > index else { throw FormatError(.untrustedRoot, in: .diceCertificate(index)) }
    }
    return found
  }

  /// Encodes an identity file from its encoded parts.
  public static func encode(silicon: [UInt8], dice: [[UInt8]], deviceKey: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder()
    FileLabel.identity.encode(to: &encoder)
    encoder.beginArray(3)
    encoder.encode(encoded: silicon)
    encoder.beginArray(dice.count)
    for certificate in dice { encoder.encode(encoded: certificate) }
    encoder.encode(encoded: deviceKey)
    return encoder.bytes
  }
}

extension DeviceIdentity {
  fileprivate init(
    udsKeyThumbprint: [UInt8], claims: DeviceKeyClaims, dice: [DICECertificate], bootRoots: [[UInt8]]
  ) throws(FormatError) {
    deviceID = udsKeyThumbprint
    do throws(CryptographyError) {
      grantKeyThumbprint = try COSEKey.thumbprint(x25519: claims.grantKey)
    } catch {
      throw FormatError(error, in: .identity)
    }
    grantKey = claims.grantKey
    lifecycle = claims.lifecycle
    keyEpoch = claims.keyEpoch
    generation = claims.generation
    measurements = dice.map { $0.codeHash }
    self.bootRoots = bootRoots
  }
}

extension Lifecycle {
  /// The DICE mode of a device in this state (SPEC 6.2).
  public var mode: DICE.Mode {
    switch self {
    case .secured: .normal
    case .debug, .recoverableDebug: .debug
    case .unknown, .assembly, .provisioning, .decommissioned: .notConfigured
    }
  }
}
