import BootChain
import CLinux
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

@Suite("A boot stage that is signed, but not for here and now", .enabled(if: devicesAvailable, needsDevices))
struct StageRuleTests {
  @Test("doesn't start below its security-version floor, and does on it", arguments: Stage.allCases)
  func floor(stage: Stage) throws {
    let device = try loadingDevice()
    let securityVersion = try goodPackage(stage).manifest.securityVersion
    func setFloor(_ floor: UInt64) {
      switch stage {
      case .bootloader: device.state.floors.loader = floor
      case .decryptor: device.state.floors.decryptor = floor
      case .firmware: device.state.floors.firmware = floor
      }
    }
    setFloor(securityVersion)
    expectRuns(try device.boot())
    setFloor(securityVersion + 1)
    expectRefused(try device.boot(), stage, .rollback)
    var package = try goodPackage(stage)
    package.manifest.securityVersion += 1
    try device.install(package, as: stage)
    expectRuns(try device.boot())
  }

  @Test("doesn't start when it is for another processor", arguments: Stage.allCases)
  func machine(stage: Stage) throws {
    let device = try loadingDevice()
    var package = try goodPackage(stage)
    #expect(package.manifest.machine == linux_machine())
    package.manifest.machine = package.manifest.machine == 62 ? 183 : 62
    try device.install(package, as: stage)
    expectRefused(try device.boot(), stage, .wrongArchitecture)
    package.manifest.machine = linux_machine()
    try device.install(package, as: stage)
    expectRuns(try device.boot())
  }

  @Test("doesn't start when its certificate had expired by the fused build time", arguments: Stage.allCases)
  func expiredByBuildTime(stage: Stage) throws {
    let device = try loadingDevice()
    device.state.time = Moment.present
    var package = try goodPackage(stage)
    package.chain.links[0].claims.notAfter = Moment.present
    try device.install(package, as: stage)
    expectRuns(try device.boot())
    package.chain.links[0].claims.notAfter = Moment.present - 1
    try device.install(package, as: stage)
    expectRefused(try device.boot(), stage, .expired)
  }

  @Test(
    "doesn't start when its certificate had expired by the time that an earlier stage was issued",
    arguments: [(Stage.bootloader, Stage.decryptor), (.bootloader, .firmware), (.decryptor, .firmware)])
  func expiredByIssueTime(earlier: Stage, stage: Stage) throws {
    let device = try loadingDevice()
    var package = try goodPackage(stage)
    package.chain.links[0].claims.notAfter = Moment.present
    try device.install(package, as: stage)
    package = try goodPackage(earlier)
    package.manifest.issuedAt = Moment.present
    try device.install(package, as: earlier)
    expectRuns(try device.boot())
    package.manifest.issuedAt = Moment.present + 1
    try device.install(package, as: earlier)
    expectRefused(try device.boot(), stage, .expired)
  }

  @Test("starts before its certificate's not-before time, which a device can't tell", arguments: Stage.allCases)
  func notYetValid(stage: Stage) throws {
    let device = try loadingDevice()
    var package = try goodPackage(stage)
    package.chain.links[0].claims.notBefore = Moment.present
    try device.install(package, as: stage)
    expectRuns(try device.boot())
  }
}
