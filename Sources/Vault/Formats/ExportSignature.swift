import CBOR
import COSE
import Cryptography
import HuskFormat

/// Who vouches for all of an export (SPEC 14.7).
enum ExportSignature {
  static let type: StaticString = "application/husk-export+cbor"

  /// Signs the digest of everything before the signature; returns the COSE_Sign1.
  static func make(_ digest: [UInt8], with signer: borrowing SigningKey) throws(SignerError) -> [UInt8] {
    try Sign1.sign(payload: payload(digest), type: type, with: signer)
  }

  /// Whether a COSE_Sign1 is a signature of this digest by this signer.
  static func isValid(_ object: [UInt8], of digest: [UInt8], by signer: PublicKey) -> Bool {
    do {
      var reader = CBORReader(object)
      let object = try Sign1(&reader)
      try reader.finish()
      try object.verify(with: signer, type: type)
      return object.payload.elementsEqual(payload(digest))
    } catch {
      return false
    }
  }

  private static func payload(_ digest: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encode(bytes: digest)
    return encoder.bytes
  }
}
