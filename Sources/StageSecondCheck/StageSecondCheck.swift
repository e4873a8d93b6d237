import BootChain
import CSecondCheck
import ErrorClass

// The second copy of what verifies boot stages (SPEC 15.4): what a stage is linked with has its own code of everything that
// this needs.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

@c @implementation
public func second_check_stage(_ check: UnsafeRawPointer!, _ measurement: UnsafeMutablePointer<UInt8>!) -> Int32 {
  do throws(ErrorClass) {
    let result = try check.assumingMemoryBound(to: StageCheck.self).pointee.perform()
    measurement.update(from: result, count: result.count)
    return 0
  } catch {
    return error.rawValue
  }
}
