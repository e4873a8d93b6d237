import CLinux
import DeviceStore
import DeviceSupport
import Foundation
import StorageSimulation

/// The kinds of storage that there are: each has to behave like the other.
enum MediumKind: String, CaseIterable, Sendable {
  case simulated, posix

  /// Does something with an empty one.
  func withStorage(_ body: (any Storage & Sendable) throws -> Void) throws {
    switch self {
    case .simulated: try body(SimulatedStorage())
    case .posix:
      let scratch = try Scratch()
      try Folder(scratch.directory).use { try body($0) }
    }
  }
}

/// A directory that is used as a storage.
struct Folder {
  let url: URL

  init(_ url: URL) {
    self.url = url
  }

  func use(_ body: (POSIXStorage) throws -> Void) throws {
    let root = linux_open_directory(url.path)
    guard root >= 0 else { throw POSIXError(.ENOENT) }
    defer { close(root) }
    try body(POSIXStorage(root: root))
  }

  func path(_ name: String) -> String { url.appending(path: name).path }

  func content(_ name: String) throws -> [UInt8] { try Array(Data(contentsOf: url.appending(path: name))) }
}
