import CSecondCheck
import Cryptography
package import ErrorClass
import HuskFormat

/// All that a verified stage was verified from, to decide about it once more (SPEC 7.2 step 4, 15.4): its signed bytes, and
/// the memory file that is to be executed.
package struct StageCheck {
  let stage: Stage
  /// Everything before the payload.
  let head: [UInt8]
  /// Of the package, in bytes.
  let size: UInt64
  let state: BootState
  /// A sealed memory file; it stays the caller's.
  let file: Int32

  /// Decides and measures; returns the measurement.
  package func perform() throws(ErrorClass) -> [UInt8] {
    let front: PackageFront
    do throws(FormatError) {
      front = try PackageFront(head)
    } catch {
      throw error.errorClass
    }
    let manifest = try front.decide(stage, fileSize: size, state)
    var measurement = try Measurement()
    let file = file
    try readSegments(
      of: manifest.value,
      { (offset, count) throws(ErrorClass) in
        guard let bytes = readFile(file, at: offset, count: count) else { throw .io }
        return bytes
      }, { (segment, _) throws(ErrorClass) in try measurement.update(segment) })
    return try measurement.finish()
  }

  /// The same by the second copy of this code, on a device.
  func performAgain() throws(ErrorClass) -> [UInt8] {
    #if hasFeature(Embedded)
      var measurement = [UInt8](repeating: 0, count: SHA512.byteCount)
      let status = withUnsafePointer(to: self) { second_check_stage($0, &measurement) }
      guard status == 0 else { throw ErrorClass(rawValue: status) ?? .internal }
      return measurement
    #else
      return try perform()
    #endif
  }
}
