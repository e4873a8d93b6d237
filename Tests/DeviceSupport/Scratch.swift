public import Foundation

/// A new directory that everybody may enter, since the stages of a device have users of their own. It is gone with this
/// object.
public final class Scratch: Sendable {
  public let directory: URL

  public init() throws {
    directory = URL(filePath: "/tmp/husk-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  /// One for the whole test run, which goes when that ends.
  static var shared: URL { kept.directory }

  private static let kept: Scratch = {
    atexit { try? FileManager.default.removeItem(at: Scratch.shared) }
    let scratch = Result { try Scratch() }
    guard case .success(let scratch) = scratch else { preconditionFailure("no directory can be made in /tmp") }
    return scratch
  }()
}
