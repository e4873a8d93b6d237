public import BootChain
import ErrorClass
import HostSupport
import HuskFormat
import SecretBytes

// The mock fuses: a public part, and behind it the UDS, which only the ROM uses.

/// The public part of a fuses file. The UDS isn't read.
public func readPublicFuses(_ path: String) throws(SimulatorError) -> BootState {
  let bytes: [UInt8]
  do throws(FileError) {
    let file = try InputFile(path)
    guard let size = file.size else { throw FileError(path, .notRegularFile) }
    guard size > UInt64(Fuses.udsSize) else { throw FileError(path, .empty) }
    guard size <= UInt64(Limits.fuses) else { throw FileError(path, .tooLarge(limit: Limits.fuses)) }
    bytes = try file.read(upTo: Int(size) - Fuses.udsSize)
  } catch {
    throw .file(error)
  }
  do throws(ErrorClass) {
    return try Fuses.parse(bytes)
  } catch {
    throw .fuses(path: path, error)
  }
}

extension DeviceDirectory {
  /// Writes fuses anew, in one step.
  static func writeFuses(
    _ state: BootState, uds: borrowing SecretBytes, to path: String, replaces: Replacement = .nothing
  ) throws(FileError) {
    let file = try OutputFile(path, mode: 0o400, replaces: replaces)
    try file.write(Fuses.encodePublicPart(state).span.bytes)
    try uds.withBytes { (bytes) throws(FileError) in try file.write(bytes) }
    try file.publish()
  }
}
