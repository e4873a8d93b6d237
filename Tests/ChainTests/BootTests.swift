import BootChain
import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Testing

@Suite("A device as it should be", .enabled(if: devicesAvailable, needsDevices))
struct BootTests {
  @Test("boots, loads a module and ends with its firmware's status")
  func boots() throws {
    let device = try Device(firmware: Compiler.firmware("loads"))
    try device.install(ModuleFixture(Compiler.sharedObject("answer", ["-DANSWER=42"])).file(), "modules/a.husk")
    try device.install(GrantFixture(for: device.identity()).file(), "grants/a.grant")
    let outcome = try device.boot("modules/a.husk", "grants/a.grant")
    #expect(outcome.stdout == "firmware runs\nanswer 42\n")
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
  }

  @Test("takes keys of either algorithm, in chains of up to six certificates")
  func algorithms() throws {
    let keys = (0..<7).map { $0.isMultiple(of: 2) ? TestKey(.es256) : TestKey(.edDSA) }
    func chain(_ roles: [Role]) -> ChainFixture {
      ChainFixture(
        root: keys[0], (1...6).map { LinkFixture("Link \($0)", roles, depth: 6 - $0, key: keys[$0]) })
    }
    var bench = try Bench()
    for stage in Stage.allCases {
      var package = try goodPackage(stage)
      package.chain = chain([stage.role])
      try bench.device.install(package, as: stage)
    }
    bench.device.state.bootRoots = .of(keys[0])
    bench.module.package.chain = chain([.module])
    bench.grant = GrantFixture(for: try bench.device.identity())
    bench.grant.chain = chain([.grant])
    bench.grant.terms.issuer = bench.grant.chain.last.thumbprint
    #expect(try bench.load([bench]) == ["answer 42"])
  }

  @Test("boots as well when standard input, output and error are closed")
  func closedDescriptors() throws {
    let bench = try Bench()
    try bench.device.install(bench.module.file(), "modules/a.husk")
    try bench.device.install(bench.grant.file(), "grants/a.grant")
    let user = "\(Platform.firmwareUser)"
    let closings = [
      ("<&-", true), ("2>&-", true), ("<&- 2>&-", true), (">&-", false), ("<&- >&-", false), (">&- 2>&-", false),
      ("<&- >&- 2>&-", false),
    ]
    for (closing, hasOutput) in closings {
      let outcome = try run(
        "sh",
        [
          "-c", "exec \"$0\" \"$@\" \(closing)", Release.host.stage("bootrom").path,
          bench.device.fuses.path, bench.device.counter.path, bench.device.floors.path, bench.device.flash.path,
          "60", "-", user, user,
          "modules/a.husk", "grants/a.grant",
        ])
      #expect(outcome.status == 0, "\(closing)")
      #expect(outcome.stdout == (hasOutput ? "firmware runs\nanswer 42\n" : ""), "\(closing)")
      #expect(outcome.stderr == "", "\(closing)")
    }
  }
}
