import BootChain
import CLinux
import DeviceStore
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat

// What tests of updates share.

/// The firmware `updates`, as the package that an update brings: version 2.BUILD.0.
func firmwarePackage(build: Int, securityVersion: UInt64 = 3) throws -> PackageFixture {
  let program = try Compiler.firmware("updates", ["-DBUILD=\(build)"])
  var package = try Stages.package(.firmware, image: Array(Data(contentsOf: program)))
  package.manifest.version = Version(2, UInt32(build), 0)
  package.manifest.securityVersion = securityVersion
  return package
}

/// A device that runs build 1 from slot a; slot b holds the same.
func updatableDevice() throws -> Device {
  let device = try Device()
  try device.install(firmwarePackage(build: 1), as: .firmware)
  return device
}

extension Device {
  /// Puts a package where the normal world stages it.
  func stage(_ package: PackageFixture, as stage: Stage) throws {
    try install(package.file(), stage.stagedFile)
  }

  /// Stages a firmware, and has the running one ask for a trial.
  func tryFirmware(build: Int) throws {
    try stage(firmwarePackage(build: build), as: .firmware)
    let outcome = try boot("try")
    guard outcome.stdout == "try: success\n" else { throw ProgramFailure(description: "\(outcome)") }
  }

  func slots() throws -> UpdateState {
    try withSlots { BootSlots(on: $0).state }
  }

  /// The history, an event a line: `slot kind detail`.
  func history() throws -> [String] {
    try slots().history.map { "\($0.slot) \($0.kind) \($0.detail)" }
  }

  /// What the register of floors says.
  func raisedFloors() throws -> Floors {
    try FloorsRegister(path: floors.path, .reading).floors()
  }

  /// Changes a byte of a file in flash, under this name alone.
  func rot(_ path: String) throws {
    var bytes = try contents(path)
    bytes[bytes.count - 10] ^= 1
    try install(bytes, path)
  }

  /// Everything that the device keeps, by path: contents, and when it was written last.
  func everything() throws -> [String: [AnyHashable]] {
    var files: [String: [AnyHashable]] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: directory.path) {
      let file = directory.appending(path: path).path
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      files[path] = [
        FileManager.default.contents(atPath: file), attributes[.modificationDate] as? Date,
        attributes[.systemFileNumber] as? Int,
      ]
    }
    return files
  }
}
