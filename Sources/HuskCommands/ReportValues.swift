import COSE
import Cryptography
import HostSupport
import HuskFormat

// How things that appear in several reports are shown.

extension Report.Value {
  static func time(_ seconds: UInt64) -> Self { .text(Timestamp(seconds: seconds).text) }

  static func hexadecimal(_ bytes: some Sequence<UInt8>) -> Self { .text(hex(bytes)) }

  /// The number is what the format holds; the name is for people.
  static func machine(_ number: UInt16) -> Self {
    switch number {
    case 62: .text("x86-64")
    case 183: .text("AArch64")
    default: .text("e_machine \(number)")
    }
  }

  /// Algorithm and thumbprint of a signing key.
  static func key(_ key: PublicKey) throws -> Self {
    let name =
      switch key.algorithm {
      case .edDSA: "Ed25519"
      case .es256: "P-256"
      }
    return .group([
      Report.Field("type", .text(name)), Report.Field("thumbprint", .hexadecimal(try COSEKey.thumbprint(key))),
    ])
  }

  /// A chain's root and certificates, unverified.
  static func chain(_ chain: CertificateChain) throws -> Self {
    .group([
      Report.Field("root", try .key(chain.root)),
      Report.Field(
        "certificate", .list(try chain.certificates.indices.map { try .certificate(chain.unverifiedClaims(at: $0)) })),
    ])
  }

  private static func certificate(_ claims: CertificateClaims) throws -> Self {
    let fields: [Report.Field?] = [
      Report.Field("subject", .text(String(decoding: claims.subject, as: UTF8.self))),
      Report.Field("roles", .list(claims.roles.map { .text($0.text) })),
      Report.Field("scope", .text(claims.scope.text)),
      Report.Field("depth", .number(UInt64(claims.depth))),
      Report.Field("issued", time: claims.issuedAt),
      Report.Field("notBefore", time: claims.notBefore),
      Report.Field("notAfter", time: claims.notAfter),
      Report.Field("key", try .key(claims.key)),
    ]
    return .group(fields.compactMap(\.self))
  }
}
