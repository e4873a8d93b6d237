import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat

/// A way to change a signed file after it was made, and how a device refuses the result.
struct Damage {
  let description: String
  let errorClass: ErrorClass
  let apply: ([UInt8]) -> [UInt8]

  /// Changes one byte.
  private static func byte(_ place: Int, _ description: String, _ errorClass: ErrorClass) -> Damage {
    Damage(description: description, errorClass: errorClass) { file in
      var file = file
      file[place] ^= 1
      return file
    }
  }

  /// What can happen to any package.
  static func all(of package: PackageFixture) throws -> [Damage] {
    let front = try package.front()
    let payload = package.payload
    let payloadHead = front.count - (payload.count > 0xffff ? 5 : 3)
    let end = front.count + payload.count
    let segments = package.manifest.segments
    return try signed(front, by: package.chain, signatureEnd: payloadHead) + [
      .byte(5, "the label", .malformed),
      .byte(14, "the length of the manifest", .malformed),
      .byte(Self.place(of: package.manifest.digests, in: front), "the first digest", .signatureInvalid),
      .byte(
        Self.place(of: package.manifest.digests, in: front) + package.manifest.digests.count - 1, "the last digest",
        .signatureInvalid),
      .byte(Self.place(of: package.manifest.name.bytes, in: front) + 1, "the name", .signatureInvalid),
      .byte(front.count - 1, "the length of the payload", .sizeMismatch),
      .byte(front.count, "the first byte of the payload", .digestMismatch),
      .byte(front.count + payload.count / 2, "the middle of the payload", .digestMismatch),
      .byte(end - 1, "the last byte of the payload", .digestMismatch),
      .byte(front.count + Int(segments.range(of: segments.count - 1).lowerBound), "the last segment", .digestMismatch),
      Damage(description: "cut off by a byte", errorClass: .sizeMismatch) { $0.dropLast() },
      Damage(description: "with a byte appended", errorClass: .sizeMismatch) { $0 + [0] },
      Damage(description: "cut off in the manifest", errorClass: .malformed) { Array($0.prefix(front.count / 2)) },
      Damage(description: "empty", errorClass: .malformed) { _ in [] },
    ]
  }

  /// What can happen to any grant.
  static func all(of grant: GrantFixture) throws -> [Damage] {
    let file = try grant.file()
    let wrappedKeyEnd = file.count - 64 - 2 - 1
    return try signed(file, by: grant.chain, signatureEnd: file.count) + [
      .byte(5, "the label", .malformed),
      .byte(Self.place(of: grant.terms.deviceID, in: file), "the device id", .signatureInvalid),
      .byte(Self.place(of: grant.terms.module.bytes, in: file) + 1, "the module's name", .signatureInvalid),
      .byte(wrappedKeyEnd, "the wrapped key", .signatureInvalid),
      Damage(description: "cut off by a byte", errorClass: .malformed) { $0.dropLast() },
      Damage(description: "with a byte appended", errorClass: .malformed) { $0 + [0] },
      Damage(description: "empty", errorClass: .malformed) { _ in [] },
      Damage(description: "longer than a grant may be", errorClass: .limitExceeded) {
        $0 + [UInt8](repeating: 0, count: Limits.grant)
      },
    ]
  }

  /// What can happen to the chain and to the signature, whose last byte precedes `signatureEnd`.
  private static func signed(_ file: [UInt8], by chain: ChainFixture, signatureEnd: Int) throws -> [Damage] {
    var damages: [Damage] = [
      .byte(place(of: chain.root.publicKey.bytes, in: file), "the root key", .untrustedRoot),
      .byte(signatureEnd - 1, "the last byte of the signature", .signatureInvalid),
      .byte(signatureEnd - 64, "the first byte of the signature", .signatureInvalid),
    ]
    for (certificate, link) in zip(try chain.certificates(), chain.links) {
      let start = place(of: certificate, in: file)
      let name = String(decoding: link.claims.subject, as: UTF8.self)
      damages += [
        .byte(start + place(of: link.claims.subject, in: certificate), "the subject of \(name)", .signatureInvalid),
        .byte(start + place(of: link.key.publicKey.bytes, in: certificate), "the key of \(name)", .signatureInvalid),
        .byte(start + certificate.count - 1, "the signature over \(name)", .signatureInvalid),
      ]
    }
    return damages
  }

  private static func place(of part: [UInt8], in file: [UInt8]) -> Int {
    guard let place = file.firstRange(of: part)?.lowerBound else { preconditionFailure("it isn't there") }
    return place
  }
}
