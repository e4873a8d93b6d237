import CBOR
import COSE
import Cryptography
import HuskFormat
import Synchronization

/// Verifies silicon chains that differ in their last certificate only, as those of a batch do: what comes before is
/// verified once, and counts again only for exactly the same bytes, by the same verifier at the same time.
final class BatchVerifier: Sendable {
  private let verifier: ChainVerifier
  private let known = Mutex<[[UInt8]: ChainWalk]>([:])

  /// More would be no batches.
  private static let capacity = 256

  init(_ verifier: ChainVerifier) {
    self.verifier = verifier
  }

  func verify(_ chain: CertificateChain) throws(FormatError) -> ChainVerifier.Authority {
    guard let last = chain.certificates.last else { return try verifier.verify(chain, role: .silicon) }
    let key = Self.encoded(chain.root, chain.certificates.dropLast())
    var walk: ChainWalk
    if let found = known.withLock({ $0[key] }) {
      walk = found
    } else {
      walk = try ChainWalk(from: chain.root, by: verifier)
      for certificate in chain.certificates.dropLast() { try walk.take(certificate) }
      let verified = walk
      known.withLock { known in
        if known.count >= Self.capacity { known.removeAll() }
        known[key] = verified
      }
    }
    try walk.take(last)
    return try walk.end(in: .silicon)
  }

  /// Everything that verification looks at, in a form in which no two chains are alike.
  private static func encoded(_ root: PublicKey, _ certificates: ArraySlice<Sign1>) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encode(encoded: COSEKey.encode(root))
    for certificate in certificates {
      encoder.encode(bytes: certificate.protectedHeader)
      encoder.encode(bool: certificate.hasEmptyUnprotectedHeader)
      encoder.encode(bytes: certificate.payload)
      encoder.encode(bytes: certificate.signature)
    }
    return encoder.bytes
  }
}
