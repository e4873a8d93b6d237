import DeviceStore
import Foundation

/// What somebody may have put where a file or folder of the device's belongs, or a file system that isn't sound.
enum Obstacle: CaseIterable {
  case nothing, folder, file, pipe, link, danglingLink, endlessLink, hugeFile

  /// Takes the place of what is there.
  func put(at path: String) throws {
    try? FileManager.default.removeItem(atPath: path)
    let outcome: Int32
    switch self {
    case .nothing: outcome = 0
    case .folder:
      try FileManager.default.createDirectory(atPath: path + "/inner/inner", withIntermediateDirectories: true)
      outcome = 0
    case .file: outcome = FileManager.default.createFile(atPath: path, contents: Data([1, 2, 3])) ? 0 : -1
    case .pipe: outcome = mkfifo(path, 0o644)
    case .link: outcome = symlink("/dev/zero", path)
    case .danglingLink: outcome = symlink("nowhere", path)
    case .endlessLink: outcome = symlink(URL(filePath: path).lastPathComponent, path)
    case .hugeFile:
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      outcome = truncate(path, 1 << 40)
    }
    guard outcome == 0 else { throw POSIXError(.EIO) }
  }
}
