public import BootChain
import CLinux
import Cryptography
import DICE
public import DeviceStore
public import FormatFixtures
public import Foundation
public import HuskFormat

/// A device: fuses and flash in a directory, and the real boot chain (SPEC 7).
///
///     let device = try Device(firmware: Compiler.firmware("loads"))
///     try device.install(module, "modules/com.acme.codec.husk")
///     let outcome = try device.boot("modules/com.acme.codec.husk", "grants/com.acme.codec.grant")
public final class Device {
  /// Holds `fuses`, `counter`, `floors` and `flash`.
  public let directory: URL
  /// What the fuses say. They aren't checked, as real ones wouldn't be.
  public var state: BootState {
    didSet { try? writeFuses() }
  }
  /// What starts the ROM: words before its own, such as a program that changes what it finds.
  public var launcher: [String] = []
  /// Seconds that a boot on trial has.
  public var watchdog = 60
  private let uds: [UInt8]
  private let scratch: Scratch

  public var flash: URL { directory.appending(path: "flash") }
  /// The fuses file.
  public var fuses: URL { directory.appending(path: "fuses") }

  /// A device that has started before, with the stages as they should be in both slots: there is nothing to update, and
  /// nothing to write down when it starts.
  ///
  /// - Parameters:
  ///   - name: devices of the same name have the same secret, and so are the same device.
  ///   - firmware: a program; nil for none.
  ///   - state: what the fuses say; the silicon certificates are added here.
  public init(_ name: String = "device 1", firmware: URL? = nil, state: BootState = .fixture) throws {
    scratch = try Scratch()
    directory = scratch.directory
    let uds = bytes(named: "UDS of \(name)")
    self.uds = uds
    let key = TestKey(try DICE.signingKey(from: secret(uds)))
    var state = state
    state.silicon = try ChainFixture(root: .deviceRoot, [LinkFixture(name, [.silicon], key: key)]).encoded()
    self.state = state
    try writeFuses()
    try Data().write(to: counter)
    try Data().write(to: floors)
    for folder in ["boot/a", "boot/b", "modules", "grants", "update"] {
      try FileManager.default.createDirectory(at: flash.appending(path: folder), withIntermediateDirectories: true)
    }
    // Links: a stage has megabytes. What is installed later replaces them and never writes to them.
    for stage in [Stage.bootloader, .decryptor] { try link(Stages.file(stage), as: stage) }
    if let firmware { try link(Stages.firmware(firmware), as: .firmware) }
    try withSlots { storage in
      var state = UpdateState()
      state.assumeGood(.a)
      try ControlFiles(BootPath.control, on: storage).write(state)
    }
  }

  private func link(_ package: URL, as stage: Stage) throws {
    for slot in Slot.allCases {
      try FileManager.default.linkItem(at: package, to: flash.appending(path: stage.file(in: slot)))
    }
  }

  /// Gives `body` the flash directory as the boot chain has it.
  public func withSlots<Result>(_ body: (POSIXStorage) throws -> Result) throws -> Result {
    let directory = linux_open_directory(flash.path)
    defer { close(directory) }
    return try body(POSIXStorage(root: directory))
  }

  /// The monotonic counter's file.
  public var counter: URL { directory.appending(path: "counter") }

  /// The file of the floors that were raised.
  public var floors: URL { directory.appending(path: "floors") }

  private func writeFuses() throws {
    try Data(Fuses.encodePublicPart(state) + uds).write(to: fuses)
    try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: fuses.path)
  }

  /// Puts a file into flash.
  ///
  /// - Parameter path: relative to the flash directory, such as `modules/com.acme.codec.husk`.
  public func install(_ contents: [UInt8], _ path: String) throws {
    try remove(path)
    try Data(contents).write(to: flash.appending(path: path))
  }

  /// Puts a stage's package in its place, in both slots.
  public func install(_ package: PackageFixture, as stage: Stage) throws {
    try install(package.file(), as: stage)
  }

  /// Puts a stage's package in its place in both slots, which share the file.
  public func install(_ package: [UInt8], as stage: Stage) throws {
    try install(package, stage.file())
    try remove(stage.file(in: .b))
    try FileManager.default.linkItem(
      at: flash.appending(path: stage.file()), to: flash.appending(path: stage.file(in: .b)))
  }

  /// Removes a stage from both slots.
  public func remove(_ stage: Stage) throws {
    for slot in Slot.allCases { try remove(stage.file(in: slot)) }
  }

  public func contents(_ path: String) throws -> [UInt8] {
    try Array(Data(contentsOf: flash.appending(path: path)))
  }

  /// Removes a file from flash, if it is there.
  public func remove(_ path: String) throws {
    let file = flash.appending(path: path)
    // Not fileExists: that follows links.
    if (try? FileManager.default.attributesOfItem(atPath: file.path)) != nil {
      try FileManager.default.removeItem(at: file)
    }
  }

  /// Boots, and waits for the end: the outcome is the firmware's, or what a stage said when it refused to go on.
  public func boot(_ arguments: String..., stdin: String = "") throws -> Outcome {
    try boot(arguments, stdin: stdin)
  }

  public func boot(_ arguments: [String], stdin: String = "") throws -> Outcome {
    try start(arguments, stdin: stdin).outcome()
  }

  /// Boots, and doesn't wait.
  ///
  /// - Parameter descriptors: what the firmware finds at 0 to 2, where that isn't what it usually is.
  public func start(
    _ arguments: [String] = [], stdin: String = "", descriptors: [(number: Int32, descriptor: Int32)] = []
  ) throws -> Program {
    try powerOn("-", arguments, stdin: stdin, descriptors: descriptors)
  }

  /// Boots the secure world alone, with the test in the firmware's place (SPEC 7.3).
  public func startSecureWorld() throws -> SecureWorldClient {
    var near: Int32 = -1
    var far: Int32 = -1
    guard linux_socket_pair(&near, &far) == 0 else { throw ProgramFailure(description: "no socket") }
    defer { close(far) }
    do {
      return SecureWorldClient(socket: near, rom: try serve(far))
    } catch {
      close(near)
      throw error
    }
  }

  /// Boots the secure world alone, to serve whoever is at the other end of a socket (SPEC 7.3).
  public func serve(_ socket: Int32) throws -> Program {
    try powerOn("3", [], descriptors: [(number: 3, descriptor: socket)])
  }

  /// What the device tells of itself, verified as a vendor does.
  public func identity() throws -> DeviceIdentity {
    let file = try startSecureWorld().identity()
    return try IdentityFile(file).verify(with: .vendor, bootRoots: state.bootRoots.thumbprints).value
  }

  /// Runs the ROM.
  ///
  /// - Parameter service: the number of the service socket, or `-`.
  private func powerOn(
    _ service: String, _ arguments: [String], stdin: String = "", descriptors: [(number: Int32, descriptor: Int32)]
  ) throws -> Program {
    let command =
      launcher + [
        Release.host.stage("bootrom").path, fuses.path, counter.path, floors.path, flash.path, "\(watchdog)", service,
        "\(Platform.firmwareUser)", "\(Platform.firmwareUser)",
      ] + arguments
    return try Program(
      command[0], Array(command.dropFirst()),
      stdin: stdin, environment: [:], directory: directory, descriptors: descriptors, world: scratch)
  }
}

extension BootState {
  /// A device in production, one boot root, floors at the security version of the fixtures, without a trusted clock.
  public static let fixture = BootState(
    bootRoots: .of(.bootRoot), lifecycle: .secured, floors: Floors(loader: 3, decryptor: 3, firmware: 3), keyEpoch: 1,
    time: Moment.issued, hasTrustedClock: false, silicon: [])
}
