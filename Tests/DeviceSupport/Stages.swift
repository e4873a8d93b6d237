public import BootChain
import CLinux
public import DeviceStore
public import FormatFixtures
import Foundation
import HuskFormat
import Synchronization

extension Stage {
  /// Where its package lies in flash.
  public func file(in slot: Slot = .a) -> String {
    String(decoding: BootPath.package(self, in: slot).bytes, as: UTF8.self)
  }

  /// Where an update of it is staged.
  public var stagedFile: String { String(decoding: BootPath.staged(self).bytes, as: UTF8.self) }
}

/// Packages of the boot stages as scripts/build-device.sh made them.
public enum Stages {
  /// A package of the real stage, to be changed. A firmware is any program.
  public static func package(_ stage: Stage, image: [UInt8]? = nil) throws -> PackageFixture {
    let image = try image ?? Array(Data(contentsOf: Release.host.stage("\(stage.name)")))
    return PackageFixture.stage(stage.role, machine: linux_machine(), payload: image)
  }

  /// A package file as it should be: made once, and for reading only.
  static func file(_ stage: Stage) throws -> URL {
    try file("\(stage.name)") { try package(stage) }
  }

  static func firmware(_ program: URL) throws -> URL {
    try file(program.lastPathComponent) { try package(.firmware, image: Array(Data(contentsOf: program))) }
  }

  private static let made = Mutex<[String: URL]>([:])

  private static func file(_ name: String, _ package: () throws -> PackageFixture) throws -> URL {
    try made.withLock { made in
      if let file = made[name] { return file }
      let file = Scratch.shared.appending(path: "\(name).husk")
      try Data(package().file()).write(to: file)
      made[name] = file
      return file
    }
  }
}
