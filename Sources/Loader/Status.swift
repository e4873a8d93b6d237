import CHusk
import ErrorClass

extension ErrorClass {
  /// The number that C sees: the same.
  var status: husk_status { rawValue }
}

/// Runs the body of a C function; its error becomes the status.
func status(_ body: () throws(ErrorClass) -> Void) -> husk_status {
  do throws(ErrorClass) {
    try body()
    return husk_status(HUSK_OK)
  } catch {
    return error.status
  }
}
