import Cryptography
import ErrorClass
import HuskFormat

/// Checks the segments of a stage's payload in turn against its manifest, and measures them as a whole.
struct SegmentHasher: ~Copyable {
  private let manifest: Manifest
  private let layout: SegmentLayout
  private var next = 0
  private var measurement: SHA512

  init(_ manifest: Manifest) throws(ErrorClass) {
    self.manifest = manifest
    layout = manifest.segments
    do throws(CryptographyError) {
      measurement = try SHA512()
    } catch {
      throw .internal
    }
  }

  /// Where in the payload the next segment lies; nil after the last.
  var nextRange: Range<UInt64>? {
    next < layout.count ? layout.range(of: next) : nil
  }

  /// Takes the next segment; throws `digestMismatch` if it isn't what was signed.
  mutating func take(_ segment: [UInt8]) throws(ErrorClass) {
    do throws(FormatError) {
      try manifest.check(segment: segment.span.bytes, at: next)
    } catch {
      throw error.errorClass
    }
    do throws(CryptographyError) {
      try measurement.update(segment.span.bytes)
    } catch {
      throw .internal
    }
    next += 1
  }

  /// The SHA-512 of all segments.
  consuming func finish() throws(ErrorClass) -> [UInt8] {
    do throws(CryptographyError) {
      return try measurement.finalize()
    } catch {
      throw .internal
    }
  }
}
