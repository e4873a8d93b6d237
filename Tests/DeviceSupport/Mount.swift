public import Foundation

/// A small file system in memory, mounted as long as a body runs.
public struct Mount {
  public let url: URL

  /// As root; in continuous integration (`CI=true`) in any case, so that it isn't skipped there.
  public static let isAvailable = geteuid() == 0 || ProcessInfo.processInfo.environment["CI"] == "true"

  public static func with(_ directory: URL, megabytes: Int, _ body: (Mount) throws -> Void) throws {
    let mount = Mount(url: directory.appending(path: "mount", directoryHint: .isDirectory))
    try FileManager.default.createDirectory(at: mount.url, withIntermediateDirectories: true)
    try require("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", mount.url.path])
    defer { _ = try? run("umount", [mount.url.path]) }
    try body(mount)
  }

  public func makeReadOnly() throws {
    try require("mount", ["-o", "remount,ro", url.path])
  }
}
