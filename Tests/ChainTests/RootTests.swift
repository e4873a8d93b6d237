import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

@Suite("The fused boot roots", .enabled(if: devicesAvailable, needsDevices))
struct RootTests {
  @Test("start nothing under a root that isn't among them")
  func unknown() throws {
    let device = try loadingDevice()
    for stage in Stage.allCases.reversed() {
      var package = try goodPackage(stage)
      package.chain.root = .stranger
      try device.install(package, as: stage)
      expectRefused(try device.boot(), stage, .untrustedRoot)
    }
    // With its root fused, the same platform starts.
    device.state.bootRoots = .of(.stranger)
    expectRuns(try device.boot())
  }

  @Test("start nothing under a revoked one, but what another one signed")
  func revoked() throws {
    let device = try loadingDevice()
    device.state.bootRoots = .of(.stranger, .bootRoot)
    expectRuns(try device.boot())
    device.state.bootRoots = .of(.stranger, .bootRoot, revoked: 0b01)
    expectRuns(try device.boot())
    device.state.bootRoots = .of(.stranger, .bootRoot, revoked: 0b10)
    expectRefused(try device.boot(), .bootloader, .revokedRoot)
    for stage in Stage.allCases {
      var package = try goodPackage(stage)
      package.chain.root = .stranger
      try device.install(package, as: stage)
      if let next = Stage.allCases.drop(while: { $0 != stage }).dropFirst().first {
        expectRefused(try device.boot(), next, .revokedRoot)
      }
    }
    expectRuns(try device.boot())
  }

  @Test("may be four, and the last is as good as the first")
  func four() throws {
    let device = try loadingDevice()
    let others = ["root 1", "root 2", "root 3"].map { TestKey($0).thumbprint }
    device.state.bootRoots = TrustAnchors(thumbprints: others + [TestKey.bootRoot.thumbprint], revoked: 0b0111)
    expectRuns(try device.boot())
    device.state.bootRoots = TrustAnchors(thumbprints: others + [TestKey.bootRoot.thumbprint], revoked: 0b1000)
    expectRefused(try device.boot(), .bootloader, .revokedRoot)
  }

  @Test("aren't the device root", arguments: Stage.allCases)
  func deviceRoot(stage: Stage) throws {
    let device = try loadingDevice()
    var package = try goodPackage(stage)
    try device.install(package, as: stage)
    expectRuns(try device.boot())
    package.chain.root = .deviceRoot
    try device.install(package, as: stage)
    expectRefused(try device.boot(), stage, .untrustedRoot)
  }
}
