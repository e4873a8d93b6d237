import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

@Suite("A device's keys", .enabled(if: devicesAvailable, needsDevices))
struct ContinuityTests {
  /// An update: another image, version and security version, signed with another certificate.
  private func update(_ stage: Stage) throws -> PackageFixture {
    let image = try goodPackage(stage).payload + [0]
    var package = try Stages.package(stage, image: image)
    package.manifest.version = Version(3, 0, 0)
    package.manifest.securityVersion += 1
    package.chain = ChainFixture(
      root: .bootRoot,
      [
        LinkFixture("New platform", [stage.role], scope: "org.", depth: 1),
        LinkFixture("New signer", [stage.role], scope: "org.platform.stage"),
      ])
    return package
  }

  @Test("stay the same from boot to boot")
  func reboot() throws {
    let device = try loadingDevice()
    #expect(try device.startSecureWorld().identity() == device.startSecureWorld().identity())
  }

  @Test("survive updates of every stage, and so do its grants", arguments: Stage.allCases)
  func update(stage: Stage) throws {
    let bench = try Bench()
    let before = try bench.device.identity()
    try bench.device.install(update(stage), as: stage)
    let after = try bench.device.identity()
    #expect(after.deviceID == before.deviceID)
    #expect(after.grantKey == before.grantKey)
    // The update is nevertheless seen: in what was measured, of exactly this stage.
    let measured = [Stage.bootloader, .decryptor]
    for (index, other) in measured.enumerated() {
      #expect((after.measurements[index] == before.measurements[index]) == (other != stage))
    }
    #expect(try bench.load([bench]) == ["answer 42"])
  }

  @Test("survive the update of all stages at once, up to floors that shut out the old ones")
  func updateAll() throws {
    let bench = try Bench()
    for stage in Stage.allCases { try bench.device.install(update(stage), as: stage) }
    let floor = try update(.bootloader).manifest.securityVersion
    bench.device.state.floors = Floors(loader: floor, decryptor: floor, firmware: floor)
    #expect(try bench.load([bench]) == ["answer 42"])
  }

  @Test(
    "are others when a stage of the secure world comes from another root", arguments: [Stage.bootloader, .decryptor])
  func root(stage: Stage) throws {
    let bench = try Bench()
    let before = try bench.device.identity()
    bench.device.state.bootRoots = .of(.bootRoot, .stranger)
    // Another trusted root alone changes nothing.
    #expect(try bench.device.identity().grantKey == before.grantKey)
    #expect(try bench.load([bench]) == ["answer 42"])
    var package = try goodPackage(stage)
    package.chain.root = .stranger
    try bench.device.install(package, as: stage)
    let after = try bench.device.identity()
    #expect(after.deviceID == before.deviceID)
    #expect(after.grantKey != before.grantKey)
    #expect(try bench.load([bench]) == [refused(.wrongGrantKey)])
  }

  @Test("don't change with the slot that the root is fused in, or with the firmware's root")
  func slot() throws {
    let bench = try Bench()
    bench.device.state.bootRoots = .of(.stranger, .bootRoot, revoked: 0b00)
    var package = try goodPackage(.firmware)
    package.chain.root = .stranger
    try bench.device.install(package, as: .firmware)
    #expect(try bench.load([bench]) == ["answer 42"])
  }

  @Test("are others in every life-cycle state and key epoch, and in every device")
  func separation() throws {
    let device = try loadingDevice()
    var keys: [[UInt8]] = []
    for state in Lifecycle.allCases {
      device.state.lifecycle = state
      let identity = try device.identity()
      #expect(identity.lifecycle == state)
      keys.append(identity.grantKey)
    }
    device.state.lifecycle = .secured
    for epoch: UInt64 in [0, 2, 1 << 62] {
      device.state.keyEpoch = epoch
      let identity = try device.identity()
      #expect(identity.keyEpoch == epoch)
      keys.append(identity.grantKey)
    }
    let other = try loadingDevice("device 2").identity()
    #expect(try device.identity().deviceID != other.deviceID)
    keys.append(other.grantKey)
    #expect(Set(keys).count == keys.count)
  }
}
