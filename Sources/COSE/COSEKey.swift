public import CBOR
public import Cryptography

/// COSE_Key encodings with exactly the members that SPEC 2.1 lists (RFC 9052 §7, RFC 9053 §7), and thumbprints of them
/// (RFC 9679): SHA-256, 32 bytes.
public enum COSEKey {
  public static let thumbprintSize = 32

  /// Encodes the public half of a signing key.
  public static func encode(_ key: PublicKey) -> [UInt8] {
    let raw = key.bytes
    var encoder = CBOREncoder()
    switch key.algorithm {
    case .edDSA: encodeOctetKeyPair(curve: Curve.ed25519, x: raw[...], to: &encoder)
    case .es256:
      encoder.encodeMap { map in
        map.set(Label.keyType) { $0.encode(unsigned: KeyType.ec2) }
        map.set(Label.curve) { $0.encode(unsigned: Curve.p256) }
        map.set(Label.x) { $0.encode(bytes: raw[..<32]) }
        map.set(Label.y) { $0.encode(bytes: raw[32...]) }
      }
    }
    return encoder.bytes
  }

  /// Encodes an X25519 public key of 32 bytes.
  public static func encode(x25519 key: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder()
    encodeOctetKeyPair(curve: Curve.x25519, x: key[...], to: &encoder)
    return encoder.bytes
  }

  /// Reads a signing key; throws `malformed` or `invalidKey` (a point that isn't on the curve).
  public static func readSigningKey(_ reader: inout CBORReader) throws(COSEError) -> PublicKey {
    let members = try Members(&reader)
    do throws(CryptographyError) {
      switch (members.keyType, members.curve, members.y) {
      case (KeyType.octetKeyPair, Curve.ed25519, nil):
        return try PublicKey(algorithm: .edDSA, bytes: members.x.span.bytes)
      case (KeyType.ec2, Curve.p256, let y?):
        let point = members.x + y
        return try PublicKey(algorithm: .es256, bytes: point.span.bytes)
      default: throw .invalidKey
      }
    } catch {
      throw .invalidKey
    }
  }

  /// Reads an X25519 public key; returns its 32 bytes.
  public static func readX25519Key(_ reader: inout CBORReader) throws(COSEError) -> [UInt8] {
    let members = try Members(&reader)
    guard members.keyType == KeyType.octetKeyPair, members.curve == Curve.x25519, members.y == nil else {
      throw .invalidKey
    }
    return Array(members.x)
  }

  /// The thumbprint of an encoded key (RFC 9679): the hash of the encoding itself, since it holds nothing but the
  /// required members.
  public static func thumbprint(ofEncoded key: [UInt8]) throws(CryptographyError) -> [UInt8] {
    try SHA256.hash(key.span.bytes)
  }

  public static func thumbprint(_ key: PublicKey) throws(CryptographyError) -> [UInt8] {
    try thumbprint(ofEncoded: encode(key))
  }

  public static func thumbprint(x25519 key: [UInt8]) throws(CryptographyError) -> [UInt8] {
    try thumbprint(ofEncoded: encode(x25519: key))
  }
}

extension COSEKey {
  private enum Label {
    static let keyType: Int64 = 1
    static let curve: Int64 = -1
    static let x: Int64 = -2
    static let y: Int64 = -3
  }

  private enum KeyType {
    static let octetKeyPair: UInt64 = 1
    static let ec2: UInt64 = 2
  }

  private enum Curve {
    static let p256: UInt64 = 1
    static let x25519: UInt64 = 4
    static let ed25519: UInt64 = 6
  }

  private static func encodeOctetKeyPair(curve: UInt64, x: ArraySlice<UInt8>, to encoder: inout CBOREncoder) {
    encoder.encodeMap { map in
      map.set(Label.keyType) { $0.encode(unsigned: KeyType.octetKeyPair) }
      map.set(Label.curve) { $0.encode(unsigned: curve) }
      map.set(Label.x) { $0.encode(bytes: x) }
    }
  }

  private struct Members {
    var keyType: UInt64 = 0
    var curve: UInt64 = 0
    var x: ArraySlice<UInt8> = []
    var y: ArraySlice<UInt8>?

    init(_ reader: inout CBORReader) throws(COSEError) {
      do throws(CBORError) {
        let start = reader.position
        var map = try reader.readMap()
        while let label = try reader.nextIntegerKey(&map) {
          switch label {
          case Label.keyType: keyType = try reader.readUnsigned()
          case Label.curve: curve = try reader.readUnsigned()
          case Label.x: x = try reader.readBytes(count: 32)
          case Label.y: y = try reader.readBytes(count: 32)
          default: throw CBORError(.unknownKey, at: reader.position)
          }
        }
        guard !x.isEmpty else { throw CBORError(.truncated, at: start) }
      } catch {
        throw .malformed(error)
      }
    }
  }
}
