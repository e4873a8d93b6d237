public import Cryptography
public import SecretBytes

/// Layered derivation by the Open Profile for DICE, version 2.5, with SHA-512, HKDF-SHA-512 and Ed25519 (SPEC 6.2).
///
/// A stage holds a pair of Compound Device Identifiers and derives the next stage's from them and from what it measured.
public enum DICE {
  /// Of a CDI, in bytes.
  public static let secretSize = 32
  /// Of code, configuration, authority and hidden inputs, in bytes.
  public static let inputSize = 64

  /// "Mode" of the profile: what state the device is in.
  public enum Mode: UInt8, Equatable, Sendable {
    case notConfigured = 0
    case normal = 1
    case debug = 2
    case recovery = 3
  }

  /// What a stage measures of the next; each of the four byte strings has 64 bytes.
  public struct Inputs: Equatable, Sendable {
    public let code: [UInt8]
    /// An inline configuration value.
    public let configuration: [UInt8]
    public let authority: [UInt8]
    public let mode: Mode
    public let hidden: [UInt8]

    /// Nil unless each of the four has 64 bytes.
    public init?(code: [UInt8], configuration: [UInt8], authority: [UInt8], mode: Mode, hidden: [UInt8]) {
      for input in [code, configuration, authority, hidden] where input.count != DICE.inputSize { return nil }
      self.code = code
      self.configuration = configuration
      self.authority = authority
      self.mode = mode
      self.hidden = hidden
    }
  }

  /// A pair of CDIs: for attestation (depends on all inputs) and for sealing (on authority, mode and hidden only).
  public struct Secrets: ~Copyable {
    public let attest: SecretBytes
    public let seal: SecretBytes

    public init(attest: consuming SecretBytes, seal: consuming SecretBytes) {
      self.attest = attest
      self.seal = seal
    }

    /// The next stage's CDIs.
    public borrowing func derived(with inputs: Inputs) throws(CryptographyError) -> Secrets {
      let mode = [inputs.mode.rawValue]
      let attestInput = try SHA512.hash(
        (inputs.code + inputs.configuration + inputs.authority + mode + inputs.hidden).span.bytes)
      let sealInput = try SHA512.hash((inputs.authority + mode + inputs.hidden).span.bytes)
      return Secrets(
        attest: try DICE.derive(from: attest, salt: attestInput, info: "CDI_Attest"),
        seal: try DICE.derive(from: seal, salt: sealInput, info: "CDI_Seal"))
    }
  }

  /// The Ed25519 key pair that belongs to an attestation CDI, or to the UDS.
  public static func signingKey(from secret: borrowing SecretBytes) throws(CryptographyError) -> SigningKey {
    try SigningKey(ed25519Seed: derive(from: secret, salt: asymmetricSalt, info: "Key Pair"))
  }

  /// The identifier of a public key in certificates: 40 lower-case hexadecimal digits.
  static func identifier(of key: PublicKey) throws(CryptographyError) -> [UInt8] {
    let info = ascii("ID")
    var identifier = try HKDF.sha512.derive(
      salt: identifierSalt.span.bytes, inputKeyMaterial: key.bytes.span.bytes, info: info.span.bytes, byteCount: 20
    ).withBytes { bytes in bytes.withUnsafeBytes { Array($0) } }
    // The profile clears the top bit, so that the number is positive where it serves as an X.509 serial number.
    identifier[0] &= 0x7f
    return identifier.flatMap { [hexDigit($0 >> 4), hexDigit($0 & 15)] }
  }
}

extension DICE {
  private static func derive(
    from secret: borrowing SecretBytes, salt: [UInt8], info: StaticString
  ) throws(CryptographyError) -> SecretBytes {
    let info = ascii(info)
    return try HKDF.sha512.derive(
      salt: salt.span.bytes, inputKeyMaterial: secret, info: info.span.bytes, byteCount: secretSize)
  }

  private static func ascii(_ text: StaticString) -> [UInt8] {
    text.withUTF8Buffer { Array($0) }
  }

  private static func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
  }

  /// Constants of the profile's implementation: the salts of key pairs and identifiers.
  private static var asymmetricSalt: [UInt8] {
    [
      0x63, 0xB6, 0xA0, 0x4D, 0x2C, 0x07, 0x7F, 0xC1, 0x0F, 0x63, 0x9F, 0x21, 0xDA, 0x79, 0x38, 0x44,
      0x35, 0x6C, 0xC2, 0xB0, 0xB4, 0x41, 0xB3, 0xA7, 0x71, 0x24, 0x03, 0x5C, 0x03, 0xF8, 0xE1, 0xBE,
      0x60, 0x35, 0xD3, 0x1F, 0x28, 0x28, 0x21, 0xA7, 0x45, 0x0A, 0x02, 0x22, 0x2A, 0xB1, 0xB3, 0xCF,
      0xF1, 0x67, 0x9B, 0x05, 0xAB, 0x1C, 0xA5, 0xD1, 0xAF, 0xFB, 0x78, 0x9C, 0xCD, 0x2B, 0x0B, 0x3B,
    ]
  }

  private static var identifierSalt: [UInt8] {
    [
      0xDB, 0xDB, 0xAE, 0xBC, 0x80, 0x20, 0xDA, 0x9F, 0xF0, 0xDD, 0x5A, 0x24, 0xC8, 0x3A, 0xA5, 0xA5,
      0x42, 0x86, 0xDF, 0xC2, 0x63, 0x03, 0x1E, 0x32, 0x9B, 0x4D, 0xA1, 0x48, 0x43, 0x06, 0x59, 0xFE,
      0x62, 0xCD, 0xB5, 0xB7, 0xE1, 0xE0, 0x0F, 0xC6, 0x80, 0x30, 0x67, 0x11, 0xEB, 0x44, 0x4A, 0xF7,
      0x72, 0x09, 0x35, 0x94, 0x96, 0xFC, 0xFF, 0x1D, 0xB9, 0x52, 0x0B, 0xA5, 0x1C, 0x7B, 0x29, 0xEA,
    ]
  }
}
