import COSE
import Decryptor
public import DeviceStore
public import ErrorClass
import HuskFormat
public import SecureWorld

/// Takes packages, grants and status lists at their word: whether they may be used is for the device to find out. Segments
/// are compared with what the package itself says.
public struct UnverifiedFiles<Medium: Storage & Sendable>: FileChecker, Sendable {
  private let storage: Medium

  public init(on storage: Medium) {
    self.storage = storage
  }

  public func check(_ file: Int32, segments: Range<UInt64>) throws(ErrorClass) -> CheckedFile {
    let size = try storage.size(of: file)
    do throws(FormatError) {
      switch FileLabel.detect(try read(file, 0, min(size, UInt64(FileLabel.sequenceLabelSize)))) {
      case .package:
        let prefix = try read(file, 0, min(size, UInt64(PackageFront.prefixSize)))
        let front = try PackageFront(read(file, 0, min(size, UInt64(PackageFront.size(fromPrefix: prefix)))))
        let manifest = try Manifest(parsing: front.object.payload)
        try check(segments, of: manifest, in: file, at: front.payloadOffset, fileSize: size)
        return try CheckedFile(manifest, front)
      case .grant:
        let grant = try GrantFile(read(file, 0, min(size, UInt64(Limits.grant) + 1)))
        return try CheckedFile(grant.unverifiedTerms(), grant)
      case .statusList:
        let list = try StatusListFile(read(file, 0, min(size, UInt64(Limits.statusList) + 1)))
        return try CheckedFile(list.unverifiedList(), list)
      default: throw FormatError(.malformed, in: .label)
      }
    } catch {
      throw error.errorClass
    }
  }

  /// Nobody is there to see it.
  public func show(statusList file: Int32) {}

  private func check(
    _ segments: Range<UInt64>, of manifest: Manifest, in file: Int32, at offset: UInt64, fileSize: UInt64
  ) throws(FormatError) {
    guard !segments.isEmpty else { return }
    let layout = manifest.segments
    guard segments.upperBound <= UInt64(layout.count) else { throw FormatError(.malformed, in: .payload) }
    for number in Int(segments.lowerBound)..<Int(segments.upperBound) {
      let range = layout.range(of: number)
      guard offset + range.upperBound <= fileSize else { throw FormatError(.sizeMismatch, in: .payload) }
      let bytes = try read(file, offset + range.lowerBound, UInt64(range.count))
      try manifest.check(segment: bytes.span.bytes, at: number)
    }
    guard segments.upperBound < UInt64(layout.count) || fileSize == offset + manifest.payloadSize else {
      throw FormatError(.sizeMismatch, in: .payload)
    }
  }

  private func read(_ file: Int32, _ offset: UInt64, _ count: UInt64) throws(FormatError) -> [UInt8] {
    do throws(ErrorClass) {
      return try storage.read(file, at: offset, count: Int(count))
    } catch {
      throw FormatError(error, in: .label)
    }
  }
}
