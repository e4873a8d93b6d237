import BootChain
import COSE
import ErrorClass
import HuskFormat
import SecureStorage

/// A status list that a client shows (SPEC 5.3), verified.
struct ShownStatusList {
  let mark: StatusMark
  let payload: [UInt8]

  /// - Throws: why it isn't one to follow what this device has seen.
  init(_ shown: StatusListFile, _ context: DecisionContext) throws(ErrorClass) {
    guard let time = context.time else { throw .internal }
    guard var memory = context.memory else { throw .io }
    do throws(FormatError) {
      let verifier = ChainVerifier(anchors: context.boot.bootRoots, time: time)
      let list = try shown.verify(with: verifier)
      // Once more on the same bytes (SPEC 15.4).
      guard try shown.verify(with: verifier) == list else { throw FormatError(.internal, in: .statusList) }
      mark = try shown.mark(of: list)
      payload = Array(shown.object.payload)
    } catch {
      throw error.errorClass
    }
    try memory.record(mark)
  }
}
