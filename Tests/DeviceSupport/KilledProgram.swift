import Foundation
public import TestSupport

extension Program {
  /// Waits for a random while and kills the program then, perhaps too late.
  ///
  /// - Parameter seconds: how long it usually takes, roughly.
  public func killed(within seconds: Double, using generator: inout SeededGenerator) throws -> Outcome {
    usleep(UInt32(1_000_000 * Double.random(in: 0...1.2 * seconds, using: &generator)))
    kill(id, SIGKILL)
    return try outcome()
  }
}

/// Does something, and says how long it took, to draw instants from: nothing may depend on it.
public func timed<Result>(_ body: () throws -> Result) rethrows -> (result: Result, seconds: Double) {
  let start = ContinuousClock.now
  let result = try body()
  return (result, (ContinuousClock.now - start) / .seconds(1))
}
