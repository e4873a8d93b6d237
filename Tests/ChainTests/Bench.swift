import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

/// A device with a module and a grant that fit, for tests to change in one way at a time.
struct Bench {
  let device: Device
  var module: ModuleFixture
  var grant: GrantFixture

  init(state: BootState = .fixture) throws {
    device = try loadingDevice(state: state)
    module = try ChainTests.module()
    grant = GrantFixture(for: try device.identity())
  }

  /// Boots, and loads in turn; returns a line for each.
  ///
  /// - Parameter said: what is said on standard error.
  func load(_ pairs: [Bench], saying said: String = "") throws -> [String] {
    var arguments: [String] = []
    for (index, pair) in pairs.enumerated() {
      let package = "modules/\(index).husk"
      let grant = "grants/\(index).grant"
      try device.install(pair.module.file(), package)
      try device.install(pair.grant.file(), grant)
      arguments += [package, grant]
    }
    let outcome = try device.boot(arguments)
    #expect(outcome.stderr == said)
    #expect(outcome.status == 0)
    let lines = outcome.stdout.split(separator: "\n").map(String.init)
    #expect(lines.first == "firmware runs")
    return Array(lines.dropFirst())
  }

  /// Expects that a load is refused with exactly this class when one thing is wrong, and works in the same boot when it
  /// is right.
  func expect(
    _ errorClass: ErrorClass, _ comment: Comment? = nil, right: (inout Bench) throws -> Void = { _ in },
    wrong: (inout Bench) throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var good = self
    try right(&good)
    var bad = good
    try wrong(&bad)
    #expect(
      try load([bad, good]) == [refused(errorClass), "answer 42"], comment, sourceLocation: sourceLocation)
  }
}
