import BootChain
import COSE
import CLinux
import COSE
import ErrorClass
import HuskFormat
import SecureStorage

/// A status list that a client shows (SPEC 5.3), verified.
struct ShownStatusList {
  let mark: StatusMark
  let payload: [UInt8]

  /// - Parameter file: descriptor of the list; it stays the caller's.
  /// - Throws: why it isn't one, or isn't one to follow what this device has seen.
  init(file: Int32, _ context: LoadContext) throws(ErrorClass) {
    guard let time = context.time else { throw .internal }
    guard var memory = context.memory else { throw .io }
    let size = linux_regular_file_size(file)
    guard size >= 0 else { throw .io }
    guard size <= Int64(Limits.statusList) else { throw .limitExceeded }
    guard let bytes = readFile(file, at: 0, count: Int(size)) else { throw .io }
    do throws(FormatError) {
      let file = try StatusListFile(bytes)
      let verifier = ChainVerifier(anchors: context.anchors, time: time)
      let list = try file.verify(with: verifier)
      // Once more on the same bytes (SPEC 15.4).
      guard try file.verify(with: verifier) == list else { throw FormatError(.internal, in: .statusList) }
      mark = try file.mark(of: list)
      payload = Array(file.object.payload)
    } catch {
      throw error.errorClass
    }
    try memory.record(mark)
  }
}
