import COSE
public import Cryptography
import ErrorClass

/// Verifies chains and what they sign against trust anchors, a time and a required role (SPEC 3.4).
public struct ChainVerifier: Sendable {
  public let anchors: TrustAnchors
  public let time: TimeBasis

  public init(anchors: TrustAnchors, time: TimeBasis) {
    self.anchors = anchors
    self.time = time
  }

  /// What a verified chain says of its last key.
  public struct Authority: Equatable, Sendable {
    /// Thumbprint of the root.
    public let root: [UInt8]
    public let key: PublicKey
    public let keyThumbprint: [UInt8]
    public let scope: Scope
    /// The first scope along the chain that isn't empty (SPEC 3.3).
    public let vendorScope: Scope
    /// The latest issue time along the chain.
    public let issuedAt: UInt64
    /// Thumbprints of all certified keys, from the root's first to the last, which is `keyThumbprint`.
    public let keys: [[UInt8]]
  }

  /// Verifies a chain that must end in a role: steps 1 to 4.
  public func verify(_ chain: CertificateChain, role: Role) throws(FormatError) -> Authority {
    var walk = try ChainWalk(from: chain.root, by: self)
    for certificate in chain.certificates { try walk.take(certificate) }
    return try walk.end(in: role)
  }

  /// Verifies a chain and an object that its last key must have signed: steps 1 to 5.
  func verify(
    _ chain: CertificateChain, signing object: Sign1, type: StaticString, role: Role, part: FormatError.Part
  ) throws(FormatError) -> Authority {
    let authority = try verify(chain, role: role)
    try Self.verify(object, with: authority.key, type: type, part: part)
    return authority
  }

  static func verify(
    _ object: Sign1, with key: PublicKey, type: StaticString?, part: FormatError.Part
  ) throws(FormatError) {
    do throws(COSEError) {
      try object.verify(with: key, type: type)
    } catch {
      throw FormatError(error, in: part)
    }
  }
}
