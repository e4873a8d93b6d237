import Cryptography
import ErrorClass

extension Manifest {
  /// Checks segment `index` of the payload against its signed digest (SPEC 4.4, step 5): the one place that does.
  ///
  /// - Returns: the digest, computed.
  /// - Throws: `digestMismatch`, also where the manifest has no such segment.
  @discardableResult
  public func check(segment: RawSpan, at index: Int) throws(FormatError) -> [UInt8] {
    let signed = digests.dropFirst(index * Self.digestSize).prefix(Self.digestSize)
    let digest: [UInt8]
    do throws(CryptographyError) {
      digest = try SHA256.hash(segment)
    } catch {
      throw FormatError(error, in: .payload)
    }
    guard signed.elementsEqual(digest) else { throw FormatError(.digestMismatch, in: .payload) }
    return digest
  }
}
