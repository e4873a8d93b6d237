public import CBOR
public import COSE
public import Cryptography
import ErrorClass

/// A certificate chain from a root key down (SPEC 3.1), parsed but not verified.
public struct CertificateChain: Sendable {
  /// The root that the chain claims to begin at.
  public let root: PublicKey
  /// One to six.
  public let certificates: [Sign1]

  public init(_ reader: inout CBORReader) throws(FormatError) {
    try parsing(.chain) { () throws(CBORError) in try reader.expectArray(of: 2) }
    let rootStart = reader.position
    do throws(COSEError) {
      root = try COSEKey.readSigningKey(&reader)
    } catch {
      throw FormatError(error, in: .root, startingAt: rootStart)
    }
    let start = reader.position
    let count = try parsing(.chain) { () throws(CBORError) in try reader.readArrayHeader(atMost: Limits.certificates) }
    guard count >= 1 else { throw FormatError(.malformed, in: .chain, at: start) }
    var certificates: [Sign1] = []
    for index in 0..<count {
      certificates.append(try parsing(.certificate(index)) { () throws(CBORError) in try Sign1(&reader) })
    }
    self.certificates = certificates
  }

  /// Reads an encoded chain that is by itself.
  public init(encoded bytes: [UInt8]) throws(FormatError) {
    var reader = CBORReader(bytes)
    self = try CertificateChain(&reader)
    try parsing(.chain) { () throws(CBORError) in try reader.finish() }
  }

  /// The last certificate's key, unverified.
  public func unverifiedLastKey() throws(FormatError) -> PublicKey {
    try unverifiedClaims(at: certificates.count - 1).key
  }

  /// Reads a chain file (SPEC 1.2).
  public init(file bytes: [UInt8]) throws(FormatError) {
    guard bytes.count <= Limits.chain else { throw FormatError(.limitExceeded, in: .chain) }
    var reader = CBORReader(bytes)
    try FileLabel.chain.read(&reader)
    self = try CertificateChain(&reader)
    try parsing(.chain) { () throws(CBORError) in try reader.finish() }
  }

  /// The claims of a certificate, unverified: for showing to people.
  public func unverifiedClaims(at index: Int) throws(FormatError) -> CertificateClaims {
    try CertificateClaims(parsing: certificates[index].payload, part: .certificate(index))
  }

  /// Encodes a chain of already encoded certificates.
  public static func encode(root: PublicKey, certificates: [[UInt8]]) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(encoded: COSEKey.encode(root))
    encoder.beginArray(certificates.count)
    for certificate in certificates { encoder.encode(encoded: certificate) }
    return encoder.bytes
  }
}
