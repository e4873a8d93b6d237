import Foundation
import Testing

/// The power goes at every storage operation of everything that changes what a device keeps, and again while it recovers.
@Suite("Power cuts", .serialized)
struct PowerCutTests {
  @Test(
    "leave a device that starts what it had or what is new, and goes on to the same end",
    arguments: BootScenario.allCases)
  func boot(scenario: BootScenario) throws {
    try replay(try scenario.make(), scenario.rawValue)
  }

  @Test(
    "leave modules of which one that is good loads, and goes on to the same end", arguments: ModuleScenario.allCases)
  func modules(scenario: ModuleScenario) throws {
    try replay(try scenario.make(), scenario.rawValue)
  }

  private func replay(_ scenario: Scenario, _ name: String, secondCuts: Int = 2) throws {
    let seed: UInt64 = 5
    var replay = Replay(scenario, seed: seed, secondCuts: secondCuts)
    replay.run()
    for failure in replay.failures.prefix(5) { Issue.record("\(name), seed \(seed): \(failure)") }
    #expect(replay.points > 50)
    let line = "power cuts: \(name): \(replay.points) interruption points, \(replay.failures.count) failures\n"
    try FileHandle.standardOutput.write(contentsOf: Data(line.utf8))
  }
}
