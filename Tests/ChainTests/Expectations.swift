import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// What tests of this target say when they can't run.
let needsDevices: Comment = "booting a device takes root and scripts/build-device.sh"

/// Expects that a stage was refused with exactly this class by the ROM, which looks at all of them, and that nothing ran
/// after that: neither a later stage nor a firmware said anything.
func expectRefused(
  _ outcome: Outcome, _ stage: Stage, _ errorClass: ErrorClass, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    outcome.stderr == "husk: bootrom: refused \(stage.name): \(errorClass.name)\n", comment,
    sourceLocation: sourceLocation)
  #expect(outcome.stdout == "", comment, sourceLocation: sourceLocation)
  #expect(outcome.status == 101, comment, sourceLocation: sourceLocation)
}

/// Expects that the firmware `loads` ran and found the decryptor.
func expectRuns(_ outcome: Outcome, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(outcome.stdout == "firmware runs\n", comment, sourceLocation: sourceLocation)
  #expect(outcome.stderr == "", comment, sourceLocation: sourceLocation)
  #expect(outcome.status == 0, comment, sourceLocation: sourceLocation)
}

/// What the firmware `loads` prints for a refused load.
func refused(_ errorClass: ErrorClass) -> String {
  "refused (status \(errorClass.rawValue))"
}

/// A device whose firmware is `loads`.
func loadingDevice(_ name: String = "device 1", state: BootState = .fixture) throws -> Device {
  try Device(name, firmware: Compiler.firmware("loads"), state: state)
}

/// A package of a stage as it should be: for the firmware, of `loads`.
func goodPackage(_ stage: Stage) throws -> PackageFixture {
  guard stage == .firmware else { return try Stages.package(stage) }
  return try Stages.package(stage, image: Array(Data(contentsOf: Compiler.firmware("loads"))))
}

/// The object of ``ModuleFixture`` that answers with a number.
func module(answering answer: Int = 42) throws -> ModuleFixture {
  try ModuleFixture(Compiler.sharedObject("answer", ["-DANSWER=\(answer)"]))
}

/// Runs `background` in a thread of its own while `body` runs; it must come to an end soon after.
func withThread(_ background: @escaping @Sendable () -> Void, during body: () throws -> Void) throws {
  let ended = DispatchSemaphore(value: 0)
  let thread = Thread {
    background()
    ended.signal()
  }
  thread.start()
  defer { ended.wait() }
  try body()
}
