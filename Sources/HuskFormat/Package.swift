import CBOR
public import COSE
import Cryptography
import ErrorClass

/// The signed front of a package (SPEC 4), parsed but not verified.
public struct PackageFront: Sendable {
  public let chain: CertificateChain
  /// The signed manifest.
  public let object: Sign1
  /// Where in the file the payload's bytes begin.
  public let payloadOffset: UInt64
  /// How many bytes the payload's byte string declares.
  public let declaredPayloadSize: UInt64

  /// How many bytes of the file are needed to tell the size of the front.
  public static let prefixSize = FileLabel.sequenceLabelSize + 9

  /// The size of the front, read from the file's first ``prefixSize`` bytes (or fewer, if the file is shorter): the
  /// signed manifest, its head and the payload's head, which may be shorter than 9 bytes.
  public static func size(fromPrefix prefix: [UInt8]) throws(FormatError) -> Int {
    let head = try manifestHead(prefix)
    return head.start + head.count + 9
  }

  /// Parses the front, given the file's first bytes: as many as ``size(fromPrefix:)`` says, or the whole file if that is
  /// shorter.
  public init(_ bytes: [UInt8]) throws(FormatError) {
    let head = try Self.manifestHead(bytes)
    let end = head.start + head.count
    guard end <= bytes.count else { throw FormatError(.malformed, in: .manifest, at: bytes.count) }
    var reader = CBORReader(bytes[head.start..<end])
    try parsing(.manifest) { () throws(CBORError) in try reader.expectArray(of: 2) }
    chain = try CertificateChain(&reader)
    object = try parsing(.manifest) { () throws(CBORError) in try Sign1(&reader) }
    try parsing(.manifest) { () throws(CBORError) in try reader.finish() }
    let payload = try Self.readBytesHead(bytes[end...], part: .payload)
    payloadOffset = UInt64(payload.start)
    declaredPayloadSize = payload.count
  }

  /// Checks signature, role and scope (SPEC 4.4): the one way to a verified manifest.
  ///
  /// - Parameter fileSize: the size of the whole file, which must end where the payload ends; nil for one that is still
  ///   being received.
  public func verify(
    role: Role, fileSize: UInt64?, with verifier: ChainVerifier
  ) throws(FormatError) -> Verified<Manifest> {
    // First, since a manifest of another version may not even be signed in a way that is known here (SPEC 16).
    let manifest = try Manifest(parsing: object.payload)
    let authority = try verifier.verify(chain, signing: object, type: Manifest.type, role: role, part: .manifest)
    guard authority.scope.covers(manifest.name) else { throw FormatError(.scopeViolation, in: .manifest) }
    guard manifest.role == role else { throw FormatError(.roleMismatch, in: .manifest) }
    try manifest.checkConsistency()
    let (end, overflow) = payloadOffset.addingReportingOverflow(declaredPayloadSize)
    guard declaredPayloadSize == manifest.payloadSize, !overflow, end == fileSize ?? end else {
      throw FormatError(.sizeMismatch, in: .payload)
    }
    return Verified(manifest, by: authority, issuedAt: manifest.issuedAt)
  }

  /// The role that it says it has, unverified: what to ask ``verify(role:fileSize:with:)`` for where any will do.
  public func unverifiedRole() throws(FormatError) -> Role {
    try Manifest(parsing: object.payload).role
  }

  /// What status lists call the package by (SPEC 5.3): SHA-256 of its manifest.
  public func packageID() throws(FormatError) -> [UInt8] {
    do throws(CryptographyError) {
      return try SHA256.hash(object.payload.span.bytes)
    } catch {
      throw FormatError(error, in: .manifest)
    }
  }

  /// Encodes everything of a package that precedes its payload's bytes.
  public static func encode(chain: [UInt8], signedManifest: [UInt8], payloadSize: UInt64) -> [UInt8] {
    var signed = CBOREncoder()
    signed.beginArray(2)
    signed.encode(encoded: chain)
    signed.encode(encoded: signedManifest)
    var encoder = CBOREncoder()
    FileLabel.package.encode(to: &encoder)
    encoder.encode(bytes: signed.bytes)
    encoder.encode(bytesHead: payloadSize)
    return encoder.bytes
  }
}

extension PackageFront {
  private static func manifestHead(_ bytes: [UInt8]) throws(FormatError) -> (start: Int, count: Int) {
    var reader = CBORReader(bytes)
    try FileLabel.package.read(&reader)
    let head = try readBytesHead(bytes[reader.position...], part: .manifest)
    guard let count = Int(exactly: head.count), count <= Limits.signedManifest else {
      throw FormatError(.limitExceeded, in: .manifest, at: reader.position)
    }
    return (head.start, count)
  }

  /// Reads the head of a byte string whose content isn't there.
  private static func readBytesHead(
    _ bytes: ArraySlice<UInt8>, part: FormatError.Part
  ) throws(FormatError) -> (start: Int, count: UInt64) {
    var reader = CBORReader(bytes)
    return try parsing(part) { () throws(CBORError) in
      let count = try reader.readBytesHead()
      return (reader.position, count)
    }
  }
}
