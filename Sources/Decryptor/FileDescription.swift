import COSE
import Cryptography
import ErrorClass
public import HuskFormat
public import SecureWorld

// What check-reply (SPEC 8) says of a file. Whoever says it has verified the file, or takes it at its word.

extension CheckedFile {
  public init(_ manifest: Manifest, _ front: PackageFront) throws(FormatError) {
    self.init(
      role: manifest.role.bytes, name: manifest.name.bytes,
      version: [manifest.version.major, manifest.version.minor, manifest.version.patch],
      securityVersion: manifest.securityVersion, epoch: manifest.epoch ?? 0, payloadOffset: front.payloadOffset,
      payloadSize: manifest.payloadSize, firstSegment: UInt64(manifest.segments.range(of: 0).count),
      segment: manifest.segmentSize, digest: try front.packageID())
  }

  public init(_ terms: GrantTerms, _ file: GrantFile) throws(FormatError) {
    self.init(
      role: Role.grant.bytes, name: terms.module.bytes, epoch: terms.epoch, digest: try signedDigest(of: file.object),
      number: terms.sequence)
  }

  public init(_ list: StatusList, _ file: StatusListFile) throws(FormatError) {
    self.init(
      role: Role.status.bytes, name: list.scope.bytes, digest: try signedDigest(of: file.object), number: list.number)
  }
}

private func signedDigest(of object: Sign1) throws(FormatError) -> [UInt8] {
  do throws(CryptographyError) {
    return try SHA256.hash(object.payload.span.bytes)
  } catch {
    throw FormatError(error, in: .label)
  }
}
