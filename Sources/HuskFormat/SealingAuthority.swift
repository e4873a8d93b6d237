import CBOR
import Cryptography

/// The authority input of the DICE derivation (SPEC 6.2), 64 bytes: which boot root, and which stage. Not the signing
/// certificate, so that rotating it keeps the device's keys.
public func sealingAuthority(bootRoot: [UInt8], role: Role) throws(FormatError) -> [UInt8] {
  var encoder = CBOREncoder()
  encoder.beginArray(2)
  encoder.encode(bytes: bootRoot)
  role.encode(to: &encoder)
  do throws(CryptographyError) {
    return try SHA512.hash(encoder.bytes.span.bytes)
  } catch {
    throw FormatError(error, in: .identity)
  }
}
