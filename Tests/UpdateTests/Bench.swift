import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import TestSupport
import Testing

let needsDevice: Comment = "takes root and scripts/build-device.sh"

/// A device whose firmware is store_client.c, and versions of a module for it.
struct Bench {
  let device: Device
  let identity: DeviceIdentity
  static let module = "com.acme.codec"

  init() throws {
    device = try Device(firmware: Compiler.firmware("store_client"))
    try device.giveStoreToFirmware()
    identity = try device.identity()
  }

  /// A module whose one function answers the version.
  func version(
    _ version: UInt32, securityVersion: UInt64 = 4, epoch: UInt64 = 7, object: URL? = nil, size: Int = 0
  ) throws -> ModuleFixture {
    var module = try ModuleFixture(
      object ?? Compiler.sharedObject("answer", ["-DANSWER=\(version)"]))
    module.package.manifest.version = Version(version, 0, 0)
    module.package.manifest.securityVersion = securityVersion
    module.package.manifest.epoch = epoch
    if size > 0 {
      // What follows an ELF file's tables is nobody's. It doesn't compress.
      var generator = SeededGenerator(seed: UInt64(version))
      module.object += (0..<size).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 40) }
      module.package.manifest.sizeBound = padme(UInt64(module.object.count))
      module.segmentSize = 16_400
    }
    return module
  }

  func grant(sequence: UInt64 = 5, epoch: UInt64 = 7) -> GrantFixture {
    var grant = GrantFixture(for: identity)
    grant.terms.sequence = sequence
    grant.terms.epoch = epoch
    return grant
  }

  /// A file that the firmware can read; its path.
  func offer(_ module: ModuleFixture, as name: String = "package") throws -> String {
    try device.offer(module.file(), as: name)
  }

  func offer(_ grant: GrantFixture, as name: String = "grant") throws -> String {
    try device.offer(grant.file(), as: name)
  }

  /// What the firmware says to these words, line by line.
  func run(_ words: String...) throws -> [String] {
    let outcome = try device.boot(words)
    guard outcome.status == 0 else { throw ProgramFailure(description: "\(outcome)") }
    return outcome.stdout.split(separator: "\n").map(String.init)
  }

  /// A bench with version 1 confirmed and loaded, and so with its floor and sequence number.
  static func withGoodVersion() throws -> Bench {
    let bench = try Bench()
    _ = try bench.run(
      "install", bench.offer(bench.version(1)), "install", bench.offer(bench.grant()), "load", module, "confirm",
      "load",
      module)
    return bench
  }
}
