import ErrorClass
import SecureWorld

/// A package that is being received, in a file of its own (SPEC 9.4).
struct PartialPackage<Medium: Storage & Sendable>: ~Copyable {
  let path: StoragePath
  let package: CheckedFile
  /// How many bytes are in the file.
  private(set) var size: UInt64
  /// How many segments were checked.
  private var checked: UInt64 = 0
  private let file: StoredFile<Medium>

  /// So many bytes of whole segments are checked, and made durable, together.
  private static var step: UInt64 { 1_048_576 }

  /// - Parameters:
  ///   - path: of a file that holds the package's front, and perhaps more.
  ///   - package: what the front says.
  init(_ path: StoragePath, _ package: CheckedFile, on storage: Medium) throws(ErrorClass) {
    let (_, isTooLarge) = package.payloadOffset.addingReportingOverflow(package.payloadSize)
    guard package.segments > 0, !isTooLarge else { throw .protocol }
    let file = try StoredFile(path, .writing, on: storage)
    size = try file.size()
    self.file = file
    self.path = path
    self.package = package
  }

  /// Of the whole package, in bytes.
  var wholeSize: UInt64 { package.payloadOffset + package.payloadSize }

  /// How many bytes are to come.
  var missing: UInt64 { wholeSize - size }

  var isWhole: Bool { size == wholeSize && checked == package.segments }

  mutating func append(_ bytes: [UInt8], _ checker: some FileChecker) throws(ErrorClass) {
    guard UInt64(bytes.count) <= missing else { throw .sizeMismatch }
    try file.write(bytes, at: size)
    size += UInt64(bytes.count)
    try checkArrived(checker)
  }

  /// Checks what has arrived, if it is worth it.
  mutating func checkArrived(_ checker: some FileChecker) throws(ErrorClass) {
    let arrived = wholeSegments
    guard arrived > checked, size == wholeSize || end(of: arrived) - end(of: checked) >= Self.step else { return }
    try check(upTo: arrived, checker)
    // Even if the power goes, this needn't come again.
    try file.synchronize()
  }

  borrowing func synchronize() throws(ErrorClass) { try file.synchronize() }

  /// Keeps what is known to be good of what an earlier reception left: whole segments that match.
  mutating func resume(_ checker: some FileChecker) throws(ErrorClass) {
    if size > wholeSize { try cut(to: wholeSize) }
    while checked < wholeSegments {
      do throws(ErrorClass) {
        try check(upTo: min(wholeSegments, checked + perStep), checker)
      } catch {
        // What follows comes anew.
        guard error == .digestMismatch else { throw error }
        break
      }
    }
    try cut(to: end(of: checked))
  }
}

extension PartialPackage {
  private var perStep: UInt64 { max(Self.step / package.segment, 1) }

  /// Where in the file the first segments end.
  private func end(of count: UInt64) -> UInt64 { package.payloadOffset + package.end(of: count) }

  /// How many segments are there as a whole.
  private var wholeSegments: UInt64 {
    if size >= wholeSize { return package.segments }
    let first = package.payloadOffset + package.firstSegment
    return size < first ? 0 : 1 + (size - first) / package.segment
  }

  /// Checks segments; from the first that doesn't match on the file is cut off.
  private mutating func check(upTo end: UInt64, _ checker: some FileChecker) throws(ErrorClass) {
    do throws(ErrorClass) {
      try ask(checker, checked..<end)
      checked = end
    } catch {
      guard error == .digestMismatch else { throw error }
      while checked + 1 < end {
        do throws(ErrorClass) {
          try ask(checker, checked..<checked + 1)
        } catch { break }
        checked += 1
      }
      try cut(to: self.end(of: checked))
      throw .digestMismatch
    }
  }

  private borrowing func ask(_ checker: some FileChecker, _ segments: Range<UInt64>) throws(ErrorClass) {
    try file.withHandle { (handle) throws(ErrorClass) in _ = try checker.check(handle, segments: segments) }
  }

  private mutating func cut(to size: UInt64) throws(ErrorClass) {
    guard size < self.size else { return }
    try file.resize(to: size)
    self.size = size
  }
}
