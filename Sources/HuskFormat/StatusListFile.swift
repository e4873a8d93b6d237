import CBOR
public import COSE
import Cryptography
import ErrorClass

/// A status-list file (SPEC 5.3), parsed but not verified.
public struct StatusListFile: Sendable {
  public let chain: CertificateChain
  public let object: Sign1

  public init(_ bytes: [UInt8]) throws(FormatError) {
    guard bytes.count <= Limits.statusList else { throw FormatError(.limitExceeded, in: .statusList) }
    var reader = CBORReader(bytes)
    try FileLabel.statusList.read(&reader)
    try parsing(.statusList) { () throws(CBORError) in try reader.expectArray(of: 2) }
    chain = try CertificateChain(&reader)
    object = try parsing(.statusList) { () throws(CBORError) in try Sign1(&reader) }
    try parsing(.statusList) { () throws(CBORError) in try reader.finish() }
  }

  /// The list, unverified: for showing to people.
  public func unverifiedList() throws(FormatError) -> StatusList {
    try StatusList(parsing: object.payload)
  }

  /// What a device remembers of the list once it is verified.
  public func mark(of list: Verified<StatusList>) throws(FormatError) -> StatusMark {
    do throws(CryptographyError) {
      return StatusMark(
        scope: list.value.scope, number: list.value.number, digest: try SHA256.hash(object.payload.span.bytes))
    } catch {
      throw FormatError(error, in: .statusList)
    }
  }

  /// Checks signature, role and scope: the one way to a verified list.
  public func verify(with verifier: ChainVerifier) throws(FormatError) -> Verified<StatusList> {
    // First, since a list of another version may not even be signed in a way that is known here (SPEC 16).
    let list = try StatusList(parsing: object.payload)
    let authority = try verifier.verify(chain, signing: object, type: StatusList.type, role: .status, part: .statusList)
    guard authority.scope.contains(list.scope) else { throw FormatError(.scopeViolation, in: .statusList) }
    return Verified(list, by: authority, issuedAt: list.issuedAt)
  }

  /// Encodes a status-list file from an encoded chain and the signed list.
  public static func encode(chain: [UInt8], signedList: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder()
    FileLabel.statusList.encode(to: &encoder)
    encoder.beginArray(2)
    encoder.encode(encoded: chain)
    encoder.encode(encoded: signedList)
    return encoder.bytes
  }
}
