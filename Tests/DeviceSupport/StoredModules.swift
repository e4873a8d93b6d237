import BootChain
import Foundation

extension Device {
  /// Makes the folders of the module store, and everything in them, the firmware's (SPEC 9.3).
  public func giveStoreToFirmware() throws {
    for folder in ["modules", "grants", "status", "update"] {
      let path = flash.appending(path: folder)
      try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
      let inside = try FileManager.default.subpathsOfDirectory(atPath: path.path)
      for file in [path] + inside.map({ path.appending(path: $0) }) {
        guard chown(file.path, Platform.firmwareUser, Platform.firmwareUser) == 0 else {
          throw ProgramFailure(description: "\(file.path) can't be given")
        }
      }
    }
  }

  /// Puts a file beside flash, from where a firmware may read it; returns its path.
  public func offer(_ contents: [UInt8], as name: String) throws -> String {
    let file = directory.appending(path: name)
    try Data(contents).write(to: file)
    return file.path
  }

  /// Everything below flash by its path, but for the decryptor's storage.
  public func contentsOfFlash() throws -> [String: [UInt8]] {
    var contents: [String: [UInt8]] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: flash.path) where !path.hasPrefix("storage") {
      let file = flash.appending(path: path)
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder)
      contents[path] = isFolder.boolValue ? [] : Array(try Data(contentsOf: file))
    }
    return contents
  }
}
