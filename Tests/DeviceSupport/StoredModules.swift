import BootChain
public import Foundation

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

  /// Copies all of flash, with owners and modes.
  public func copyFlash() throws -> URL {
    let copy = directory.appending(path: "image-of-flash", directoryHint: .isDirectory)
    try require("cp", ["-a", flash.path, copy.path])
    return copy
  }

  /// Puts such a copy in the place of flash, as who has the flash chip in his hands can.
  public func restoreFlash(from copy: URL) throws {
    try FileManager.default.removeItem(at: flash)
    try require("cp", ["-a", copy.path, flash.path])
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
