import CBOR
import CLinux
public import ErrorClass
import HuskFormat
public import SecretBytes

/// The mock one-time-programmable fuses: a file (SPEC 7.1).
public struct Fuses: ~Copyable {
  public private(set) var state: BootState
  /// The unique device secret, 32 bytes.
  public let uds: SecretBytes

  public static let udsSize = 32

  /// Reads the fuses file once. The UDS goes straight into protected memory.
  public init(path: UnsafePointer<CChar>) throws(ErrorClass) {
    let file = linux_open_read(path)
    guard file >= 0 else { throw .io }
    defer { close(file) }
    let size = linux_regular_file_size(file)
    guard size >= 0 else { throw .io }
    guard size <= Int64(Limits.fuses) else { throw .limitExceeded }
    guard size > Int64(Self.udsSize) else { throw .malformed }
    let publicSize = Int(size) - Self.udsSize
    guard let bytes = readFile(file, at: 0, count: publicSize) else { throw .io }
    let state = try Self.parse(bytes)
    let uds = try readSecret(count: Self.udsSize) { linux_pread_all(file, $0, $1, UInt64(publicSize)) }
    self.state = state
    self.uds = uds
  }

  /// Raises floors to what is known of them elsewhere (SPEC 7.1). The file stays as it is.
  mutating func raiseFloors(to floors: Floors) {
    state.floors.raise(to: floors)
  }

  /// Encodes the public part of a fuses file; the 32 raw bytes of the UDS must follow it.
  public static func encodePublicPart(_ state: BootState) -> [UInt8] {
    var encoder = CBOREncoder()
    FileLabel.fuses.encode(to: &encoder)
    encoder.encodeMap { state.encode(to: &$0, from: 1) }
    return encoder.bytes
  }

  /// Parses the public part of a fuses file.
  public static func parse(_ bytes: [UInt8]) throws(ErrorClass) -> BootState {
    var reader = CBORReader(bytes)
    do throws(FormatError) {
      try FileLabel.fuses.read(&reader)
    } catch {
      throw error.errorClass
    }
    let state: BootState
    do throws(CBORError) {
      var map = try reader.readMap()
      guard map.remaining == 8 else { throw CBORError(.outOfRange, at: 0) }
      state = try BootState(&reader, &map, from: 1)
      try reader.finish()
    } catch {
      throw ErrorClass(error)
    }
    try state.parseSilicon()
    return state
  }
}
