import BootChain
import COSE
import ErrorClass
import HuskFormat

/// A status list that a client shows (SPEC 5.3), verified.
struct ShownStatusList {
  let mark: StatusMark
  let payload: [UInt8]

  /// - Throws: why it isn't one to follow what this device has seen.
  init(_ list: [UInt8], _ context: DecisionContext) throws(ErrorClass) {
    let check = StatusListCheck(list: list, context: context)
    mark = try check.perform()
    // Once more on the same bytes (SPEC 15.4).
    guard try check.performAgain() == mark.digest else { throw .internal }
    do throws(FormatError) {
      payload = Array(try StatusListFile(list).object.payload)
    } catch {
      throw error.errorClass
    }
  }
}
