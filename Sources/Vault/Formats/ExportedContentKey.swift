import CBOR
import COSE
import Cryptography
import HuskFormat
import SecretBytes

/// A content key on its way to another vault (SPEC 14.7): encrypted to that one's owner, and signed, since anybody can
/// encrypt to a public key.
struct ExportedContentKey {
  let module: Name
  let epoch: UInt64
  /// COSE_Encrypt0, HPKE-4.
  private let sealed: [UInt8]

  static let type: StaticString = "application/husk-content-key+cbor"

  /// Encrypts a key to an X25519 public key and signs it; returns the COSE_Sign1.
  static func make(
    _ key: borrowing SecretBytes, module: Name, epoch: UInt64, to recipient: [UInt8],
    signedWith signer: borrowing SigningKey
  ) throws -> [UInt8] {
    let sealed = try Encrypt0.seal(key, to: recipient, externalAAD: aad(module, epoch))
    var encoder = CBOREncoder()
    encoder.beginArray(3)
    module.encode(to: &encoder)
    encoder.encode(unsigned: epoch)
    encoder.encode(encoded: sealed)
    return try Sign1.sign(payload: encoder.bytes, type: type, with: signer)
  }

  /// Verifies a COSE_Sign1; nil if it isn't one of these, or not by this signer.
  init?(_ object: [UInt8], signedBy signer: PublicKey) {
    do {
      var reader = CBORReader(object)
      let object = try Sign1(&reader)
      try reader.finish()
      try object.verify(with: signer, type: Self.type)
      var payload = CBORReader(object.payload)
      guard try payload.readArrayHeader() == 3, let module = Name(Array(try payload.readText())) else { return nil }
      self.module = module
      epoch = try payload.readCount()
      sealed = Array(try payload.skipItem())
      try payload.finish()
    } catch {
      return nil
    }
  }

  /// Nil if it isn't for this recipient.
  func open(with key: borrowing X25519PrivateKey) -> SecretBytes? {
    do throws(COSEError) {
      var reader = CBORReader(sealed)
      let contentKey = try Encrypt0(&reader).open(with: key, externalAAD: Self.aad(module, epoch))
      guard contentKey.count == Grant.contentKeySize else { return nil }
      return contentKey
    } catch {
      return nil
    }
  }

  private static func aad(_ module: Name, _ epoch: UInt64) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(3)
    encoder.encode(text: "husk-exported-key")
    module.encode(to: &encoder)
    encoder.encode(unsigned: epoch)
    return encoder.bytes
  }
}
