import Cryptography
import ErrorClass
import HuskFormat

/// Reads the segments of a stage's payload in turn. Each is checked against the manifest before anybody gets it; throws
/// `digestMismatch` at the first that isn't what was signed.
///
/// - Parameters:
///   - read: reads so many bytes at an offset in the payload.
///   - body: is given each segment, and where in the payload it lies.
func readSegments(
  of manifest: Manifest, _ read: (UInt64, Int) throws(ErrorClass) -> [UInt8],
  _ body: ([UInt8], UInt64) throws(ErrorClass) -> Void
) throws(ErrorClass) {
  let layout = manifest.segments
  for index in 0..<layout.count {
    let range = layout.range(of: index)
    let segment = try read(range.lowerBound, range.count)
    do throws(FormatError) {
      try manifest.check(segment: segment.span.bytes, at: index)
    } catch {
      throw error.errorClass
    }
    try body(segment, range.lowerBound)
  }
}

/// The SHA-512 over a stage's payload, piece by piece (SPEC 7.2).
struct Measurement: ~Copyable {
  private var hash: SHA512

  init() throws(ErrorClass) {
    do throws(CryptographyError) {
      hash = try SHA512()
    } catch {
      throw .internal
    }
  }

  mutating func update(_ bytes: [UInt8]) throws(ErrorClass) {
    do throws(CryptographyError) {
      try hash.update(bytes.span.bytes)
    } catch {
      throw .internal
    }
  }

  consuming func finish() throws(ErrorClass) -> [UInt8] {
    do throws(CryptographyError) {
      return try hash.finalize()
    } catch {
      throw .internal
    }
  }
}
