import BootChain
import COSE
import ErrorClass
import HuskFormat

/// A status list that a client shows (SPEC 5.3), verified.
struct ShownStatusList {
  let mark: StatusMark
  /// Who it is of (SPEC 3.3).
  let vendorScope: Scope
  let payload: [UInt8]

  /// - Throws: why it isn't one to follow what this device has seen.
  init(_ list: [UInt8], _ context: DecisionContext) throws(ErrorClass) {
    let check = StatusListCheck(list: list, context: context)
    (mark, vendorScope) = try check.perform()
    // Once more on the same bytes (SPEC 15.4).
    guard try check.performAgain() == mark.digest else { throw .internal }
    do throws(FormatError) {
      payload = Array(try StatusListFile(list).object.payload)
    } catch {
      throw error.errorClass
    }
  }
}
