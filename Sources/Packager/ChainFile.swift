import CBOR
import Cryptography
public import HuskFormat

/// A chain file with the encoding of its parts, so that it can be put into objects and extended.
public struct ChainFile: Sendable {
  public let chain: CertificateChain
  /// Without the file's label.
  public let encoded: [UInt8]
  /// The encoded certificates.
  public let certificates: [[UInt8]]

  /// Reads a chain file (SPEC 1.2).
  public init(_ bytes: [UInt8]) throws(FormatError) {
    chain = try CertificateChain(file: bytes)
    do throws(CBORError) {
      (encoded, certificates) = try Self.split(bytes)
    } catch {
      throw FormatError(error, in: .chain)
    }
  }

  init(root: PublicKey, certificates: [[UInt8]]) throws(FormatError) {
    encoded = CertificateChain.encode(root: root, certificates: certificates)
    chain = try CertificateChain(encoded: encoded)
    self.certificates = certificates
  }

  /// The file's bytes.
  public var file: [UInt8] {
    var encoder = CBOREncoder()
    FileLabel.chain.encode(to: &encoder)
    encoder.encode(encoded: encoded)
    return encoder.bytes
  }

  /// Takes apart what was parsed before.
  private static func split(_ bytes: [UInt8]) throws(CBORError) -> (encoded: [UInt8], certificates: [[UInt8]]) {
    var reader = CBORReader(bytes)
    _ = try reader.readTag()
    _ = try reader.readTag()
    let encoded = Array(bytes[reader.position...])
    _ = try reader.readArrayHeader()
    try reader.skipItem()
    var certificates: [[UInt8]] = []
    for _ in 0..<(try reader.readArrayHeader()) { certificates.append(Array(try reader.skipItem())) }
    return (encoded, certificates)
  }
}
