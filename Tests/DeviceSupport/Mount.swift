public import Foundation

/// A small file system in memory, mounted as long as a body runs.
public struct Mount {
  public let url: URL

  /// As root; in continuous integration (`CI=true`) in any case, so that it isn't skipped there.
  public static let isAvailable = geteuid() == 0 || ProcessInfo.processInfo.environment["CI"] == "true"

  /// In a new folder of a directory.
  public static func with(_ directory: URL, megabytes: Int, _ body: (Mount) throws -> Void) throws {
    let folder = directory.appending(path: "mount", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try mount(folder, megabytes, body)
  }

  /// In place of a directory, with all that is in it; what becomes of it there is lost.
  public static func over(_ directory: URL, megabytes: Int, _ body: (Mount) throws -> Void) throws {
    let original = directory.deletingLastPathComponent().appending(path: "original", directoryHint: .isDirectory)
    try FileManager.default.moveItem(at: directory, to: original)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    try mount(directory, megabytes) { mount in
      try require("cp", ["-a", original.path + "/.", directory.path])
      try body(mount)
    }
    try FileManager.default.removeItem(at: directory)
    try FileManager.default.moveItem(at: original, to: directory)
  }

  private static func mount(_ folder: URL, _ megabytes: Int, _ body: (Mount) throws -> Void) throws {
    try require("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", folder.path])
    // Whatever still has a file open in it doesn't keep it.
    defer { _ = try? run("umount", ["--lazy", folder.path]) }
    try body(Mount(url: folder))
  }

  /// Waits for that until nobody has a file open for writing: what was ended a moment ago may be about to close its own.
  public func makeReadOnly() throws {
    for _ in 0..<500 {
      if try run("mount", ["-o", "remount,ro", url.path]).status == 0 { return }
      usleep(20_000)
    }
    try require("mount", ["-o", "remount,ro", url.path])
  }

  public func makeWritable() throws {
    try require("mount", ["-o", "remount,rw", url.path])
  }

  /// In bytes.
  public func freeSpace() throws -> UInt64 {
    let attributes = try FileManager.default.attributesOfFileSystem(forPath: url.path)
    return attributes[.systemFreeSize] as? UInt64 ?? 0
  }
}
