import CBOR
import CLinux
import COSE
import Cryptography
import DICE
import DeviceStore
import ErrorClass
import Foundation
import FormatFixtures
import HuskFormat
import SecretBytes
import Testing

@testable import BootChain

/// A flash directory with a package for a stage in it.
private final class Flash {
  let descriptor: Int32
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder.url.appending(path: "boot/a"), withIntermediateDirectories: true)
    descriptor = linux_open_directory(folder.path(""))
    try #require(descriptor >= 0)
  }

  var storage: POSIXStorage { POSIXStorage(root: descriptor) }

  func path(_ stage: Stage) -> String { folder.path("boot/a/\(stage.fileName)") }

  func put(_ bytes: [UInt8], as stage: Stage) throws {
    try folder.write(bytes, to: "boot/a/\(stage.fileName)")
  }

  /// How a stage in it is refused; nil if it would run.
  func refusal(_ stage: Stage, _ state: BootState) -> ErrorClass? {
    outcome { () throws(ErrorClass) in
      let image = try StageImage(stage, in: .a, on: storage, state: state)
      _ = image.measurement
    }
  }

  deinit { close(descriptor) }
}

/// A way to change a stage's package, and the class with which it is refused; nil if it isn't.
struct StageCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let expected: ErrorClass?
  let change: @Sendable (inout PackageFixture, inout BootState) -> Void

  init(
    _ description: String, _ expected: ErrorClass?,
    _ change: @escaping @Sendable (inout PackageFixture, inout BootState) -> Void
  ) {
    testDescription = description
    self.expected = expected
    self.change = change
  }
}

/// SPEC 7.2, up to executing; the payloads are only ever bytes.
@Suite("Verifying a stage")
struct StageImageTests {
  private static func package(_ stage: Stage) -> PackageFixture {
    .stage(stage.role, machine: linux_machine())
  }

  @Test("gives its image, sealed, in memory that nobody can open, and its measurement", arguments: Stage.allCases)
  func accepted(_ stage: Stage) throws {
    let flash = try Flash()
    let package = Self.package(stage)
    try flash.put(package.file(), as: stage)
    let image = try StageImage(stage, in: .a, on: flash.storage, state: .fixture())
    #expect(image.stage == stage)
    #expect(image.manifest.value == package.manifest)
    #expect(try image.measurement == sha512(package.payload))

    let file = image.file.descriptor
    #expect(linux_is_sealed(file) == 1)
    #expect(readFile(file, at: 0, count: package.payload.count) == package.payload)
    #expect(linux_regular_file_size(file) == Int64(package.payload.count))
    #expect(linux_pwrite_all(file, [0], 1, 0) == -1)
    #expect(ftruncate(file, 0) == -1)
    var status = stat()
    #expect(fstat(file, &status) == 0 && status.st_mode & 0o7777 == 0o111)
    #expect(fcntl(file, F_GETFD) == FD_CLOEXEC)
  }

  static let cases: [StageCase] = [
    StageCase("unchanged", nil) { _, _ in },
    StageCase("of one segment", nil) { package, _ in
      package = .stage(.bootDecryptor, machine: linux_machine(), payload: [1, 2, 3])
    },
    StageCase("of whole segments", nil) { package, _ in
      package = .stage(.bootDecryptor, machine: linux_machine(), payload: testBytes(2 * 16_400))
    },
    StageCase("unknown root", .untrustedRoot) { _, state in state.bootRoots = .of(.deviceRoot) },
    StageCase("revoked root", .revokedRoot) { _, state in state.bootRoots = .of(.bootRoot, revoked: 1) },
    StageCase("signed for another stage", .roleMismatch) { package, _ in
      package = .stage(.bootFirmware, machine: linux_machine())
    },
    StageCase("signed for a stage, made for another", .roleMismatch) { package, _ in
      package.manifest.role = .bootFirmware
    },
    StageCase("a module", .roleMismatch) { package, _ in package = .module() },
    StageCase("signed by another key", .signatureInvalid) { package, _ in package.signer = .stranger },
    StageCase("outside the scope", .scopeViolation) { package, _ in
      package.manifest.name = testName("com.acme.stage")
    },
    StageCase("expired", .expired) { package, _ in package.chain.links[0].claims.notAfter = Moment.present - 1 },
    StageCase("expired later than the last known time", nil) { package, state in
      package.chain.links[0].claims.notAfter = 1000
      state.time = 1000
    },
    StageCase("not yet valid, for whom it may concern", nil) { package, state in
      package.chain.links[0].claims.notBefore = Moment.present + 1
      state.hasTrustedClock = true
    },
    StageCase("for another processor", .wrongArchitecture) { package, _ in package.manifest.machine ^= 1 },
    StageCase("at its floor", nil) { package, state in
      state.floors.decryptor = package.manifest.securityVersion
    },
    StageCase("below its floor", .rollback) { package, state in
      state.floors.decryptor = package.manifest.securityVersion + 1
    },
    StageCase("far below its floor", .rollback) { _, state in state.floors.decryptor = .max },
    StageCase("below the floors of others", nil) { _, state in
      state.floors.loader = .max
      state.floors.firmware = .max
    },
    StageCase("for another processor and below its floor", .wrongArchitecture) { package, state in
      package.manifest.machine ^= 1
      state.floors.decryptor = .max
    },
    StageCase("first byte changed", .digestMismatch) { package, _ in package.payload[0] ^= 1 },
    StageCase("last byte changed", .digestMismatch) { package, _ in
      package.payload[package.payload.count - 1] ^= 0x80
    },
    StageCase("byte at a segment's end changed", .digestMismatch) { package, _ in package.payload[16_399] ^= 1 },
    StageCase("byte at a segment's beginning changed", .digestMismatch) { package, _ in package.payload[16_400] ^= 1 },
    StageCase("segments exchanged", .digestMismatch) { package, _ in
      package.payload = Array(
        package.payload[16_400..<32_800] + package.payload[..<16_400] + package.payload[32_800...])
    },
    StageCase("a byte short", .sizeMismatch) { package, _ in package.payload.removeLast() },
    StageCase("without payload", .sizeMismatch) { package, _ in package.payload = [] },
    StageCase("a byte long", .sizeMismatch) { package, _ in package.payload.append(0) },
    StageCase("of another format version", .unsupportedVersion) { package, _ in
      package.editManifest = editMap { $0.set(1, to: [2]) }
    },
  ]

  @Test("gives the class of SPEC 7.2", arguments: cases)
  func classes(_ stageCase: StageCase) throws {
    let flash = try Flash()
    var package = Self.package(.decryptor)
    var state = try BootState.fixture()
    stageCase.change(&package, &state)
    try flash.put(package.file(), as: .decryptor)
    #expect(flash.refusal(.decryptor, state) == stageCase.expected)
  }

  @Test("takes no stage for another", arguments: Stage.allCases)
  func confusion(_ stage: Stage) throws {
    let flash = try Flash()
    for other in Stage.allCases { try flash.put(Self.package(stage).file(), as: other) }
    for other in Stage.allCases {
      #expect(flash.refusal(other, try .fixture()) == (stage == other ? nil : .roleMismatch))
    }
  }

  @Test("keeps to the floor of the stage")
  func floors() {
    let floors = Floors(loader: 1, decryptor: 2, firmware: 3)
    #expect(floors[.bootloader] == 1 && floors[.decryptor] == 2 && floors[.firmware] == 3)
  }

  @Test("says of what isn't there that it isn't found, and of what isn't a file that it can't be read")
  func files() throws {
    let state = try BootState.fixture()
    let flash = try Flash()
    #expect(flash.refusal(.bootloader, state) == .notFound)

    try FileManager.default.createDirectory(atPath: flash.path(.bootloader), withIntermediateDirectories: false)
    #expect(flash.refusal(.bootloader, state) == .io)

    #expect(mkfifo(flash.path(.decryptor), 0o600) == 0)
    #expect(flash.refusal(.decryptor, state) == .io)

    try flash.put(Self.package(.firmware).file(), as: .firmware)
    #expect(flash.refusal(.firmware, state) == nil)
    let elsewhere = flash.path(.firmware) + ".old"
    try FileManager.default.moveItem(atPath: flash.path(.firmware), toPath: elsewhere)
    try FileManager.default.createSymbolicLink(atPath: flash.path(.firmware), withDestinationPath: elsewhere)
    #expect(flash.refusal(.firmware, state) == .io, "not through a link")
  }

  @Test("refuses a package that is cut off anywhere before its payload as malformed, and within as of another size")
  func truncated() throws {
    let flash = try Flash()
    let state = try BootState.fixture()
    let package = Self.package(.bootloader)
    let front = try package.front().count
    let file = try package.file()
    for length in Array(stride(from: 0, to: front, by: 5)) + [front - 1, front, front + 1, file.count - 1] {
      try flash.put(Array(file[..<length]), as: .bootloader)
      #expect(flash.refusal(.bootloader, state) == (length < front ? .malformed : .sizeMismatch), "\(length)")
    }
  }

  // MARK: What is measured

  @Test("is measured as SPEC 6.2 says")
  func inputs() throws {
    let flash = try Flash()
    var package = Self.package(.decryptor)
    package.manifest.securityVersion = 0x0102_0304_0506_0708
    package.manifest.version = Version(0x0a0b_0c0d, 2, .max)
    try flash.put(package.file(), as: .decryptor)
    var state = try BootState.fixture()
    state.bootRoots = .of(.stranger, .bootRoot)
    state.keyEpoch = 300
    let image = try StageImage(.decryptor, in: .a, on: flash.storage, state: state)
    let inputs = try image.diceInputs(state)
    #expect(try inputs.code == sha512(package.payload))
    let configuration: [UInt8] =
      [1, 2, 3, 4, 5, 6, 7, 8, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff]
      + [UInt8](repeating: 0, count: 44)
    #expect(inputs.configuration == configuration)
    // [thumbprint, "boot.decryptor"] and ["husk-hidden", 0x3000, 300]
    let root = TestKey.bootRoot.thumbprint
    #expect(try inputs.authority == sha512([0x82, 0x58, 0x20] + root + [0x6e] + Array("boot.decryptor".utf8)))
    #expect(
      try inputs.hidden == sha512([0x83, 0x6b] + Array("husk-hidden".utf8) + [0x19, 0x30, 0, 0x19, 0x01, 0x2c]))
    #expect(inputs.mode == .normal)

    for lifecycle in Lifecycle.allCases {
      state.lifecycle = lifecycle
      #expect(try image.diceInputs(state).mode == lifecycle.mode)
      #expect(try (image.diceInputs(state).hidden == inputs.hidden) == (lifecycle == .secured))
    }
  }

  private func sealed(
    _ change: (inout PackageFixture, inout BootState) -> Void = { _, _ in }
  ) throws -> (seal: [UInt8], attest: [UInt8]) {
    let flash = try Flash()
    var package = Self.package(.decryptor)
    var state = try BootState.fixture()
    state.bootRoots = .of(.bootRoot, .stranger)
    change(&package, &state)
    try flash.put(package.file(), as: .decryptor)
    let image = try StageImage(.decryptor, in: .a, on: flash.storage, state: state)
    let secrets = DICE.Secrets(attest: try secret(named: "attest"), seal: try secret(named: "seal"))
    var certificates: [[UInt8]] = []
    let next = try secrets.next(image, state, certificates: &certificates)
    return (next.seal.bytes, next.attest.bytes)
  }

  @Test("can open what it sealed after an update, and under another signing key")
  func updates() throws {
    let before = try sealed()
    let updates: [(inout PackageFixture, inout BootState) -> Void] = [
      { package, _ in
        package = .stage(.bootDecryptor, machine: linux_machine(), payload: testBytes(40_000))
      },
      { package, _ in package.manifest.version = Version(3, 0, 0) },
      { package, _ in package.manifest.securityVersion = 99 },
    ]
    for update in updates {
      let after = try sealed(update)
      #expect(after.seal == before.seal)
      #expect(after.attest != before.attest)
    }
    let rotated = try sealed { package, _ in
      package.chain = ChainFixture(root: .bootRoot, [LinkFixture("next", [.bootDecryptor], scope: "org.")])
    }
    #expect(rotated == before)
    let moved = try sealed { _, state in state.bootRoots = .of(.deviceRoot, .stranger, .bootRoot) }
    #expect(moved == before, "the root counts, not its slot")
  }

  @Test("can't open what it sealed under another root, in another life cycle, or after re-keying")
  func otherIdentity() throws {
    let before = try sealed()
    let changes: [(inout PackageFixture, inout BootState) -> Void] = [
      { package, _ in package.chain.root = .stranger },
      { _, state in state.lifecycle = .debug },
      { _, state in state.lifecycle = .assembly },
      { _, state in state.keyEpoch += 1 },
    ]
    for change in changes { #expect(try sealed(change).seal != before.seal) }
  }

  @Test("ends in an identity that vendors accept")
  func identity() throws {
    let flash = try Flash()
    let fixture = IdentityFixture()
    let state = try BootState.fixture()
    for stage in [Stage.bootloader, .decryptor] { try flash.put(Self.package(stage).file(), as: stage) }
    let bootloader = try StageImage(.bootloader, in: .a, on: flash.storage, state: state)
    let decryptor = try StageImage(.decryptor, in: .a, on: flash.storage, state: state)
    var certificates: [[UInt8]] = []
    let root = DICE.Secrets(attest: try secret(fixture.uds), seal: try secret(fixture.uds))
    let first = try root.next(bootloader, state, certificates: &certificates)
    let second = try first.next(decryptor, state, certificates: &certificates)
    let claims = DeviceKeyClaims(
      grantKey: TestGrantKey.device.publicKey, lifecycle: state.lifecycle, keyEpoch: state.keyEpoch, generation: 0)
    let deviceKey = try TestKey(DICE.signingKey(from: second.attest)).sign(
      claims.encoded(), type: DeviceKeyClaims.type)
    let file = IdentityFile.encode(silicon: state.silicon, dice: certificates, deviceKey: deviceKey)
    let identity = try IdentityFile(file).verify(by: .vendor).value
    #expect(identity.measurements == [bootloader.measurement, decryptor.measurement])
    #expect(identity.deviceID == fixture.silicon.last.thumbprint)

    let underAnother = refusal { () throws(FormatError) in
      _ = try IdentityFile(file).verify(with: .vendor, bootRoots: [TestKey.stranger.thumbprint])
    }
    #expect(underAnother == .untrustedRoot)
  }
}
