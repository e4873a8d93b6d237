import Foundation

/// A device's secure world as a system service: the fuse provider and its decryptor, under a user of their own (SPEC 7.7).
///
/// The device's fuses, counter, floors and storage become that user's.
public final class Service {
  public let device: Device
  /// The fuse provider.
  public let provider: Program
  public let socket: SocketFile
  private let scratch: Scratch

  /// The user and group that provider and decryptor have.
  public static let user: UInt32 = 64910

  /// Starts it as a service manager does, on a socket that listens already.
  ///
  /// - Parameters:
  ///   - clients: the user and group that may connect.
  public init(_ device: Device, clients: (user: UInt32, group: UInt32)) throws {
    self.device = device
    scratch = try Scratch()
    socket = try SocketFile(scratch.directory.appending(path: "socket").path)
    try Self.handOver(device)
    // The shell's number becomes the provider's.
    let start = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\""
    provider = try Program(
      "setpriv", Self.asUser(Self.user) + ["sh", "-c", start] + Self.command(device, clients: clients),
      environment: ["PATH": "/usr/bin:/bin"], directory: device.directory,
      descriptors: [(number: 3, descriptor: socket.listener)])
  }

  /// A client, in the test's hands: a process of root's.
  public func connect() throws -> SecureWorldClient {
    SecureWorldClient(socket: try socket.connect(), rom: provider)
  }

  /// Makes fuses, counter, floors and storage the service's.
  public static func handOver(_ device: Device) throws {
    let storage = device.flash.appending(path: "storage")
    try FileManager.default.createDirectory(at: storage, withIntermediateDirectories: true)
    let stored = try FileManager.default.contentsOfDirectory(at: storage, includingPropertiesForKeys: nil)
    for file in [device.fuses, device.counter, device.floors, storage] + stored {
      guard chown(file.path, user, user) == 0 else { throw ProgramFailure(description: "\(file.path) can't be given") }
    }
  }

  /// What starts the provider, word by word.
  public static func command(_ device: Device, clients: (user: UInt32, group: UInt32)) -> [String] {
    [
      Release.host.stage("fuseprovider").path, device.fuses.path, device.counter.path, device.floors.path,
      device.flash.path, "\(clients.user)", "\(clients.group)",
    ]
  }

  /// What setpriv(1) needs to become a user with these groups, before the program's name.
  public static func asUser(_ user: UInt32, group: UInt32? = nil, groups: [UInt32] = []) -> [String] {
    let supplementary =
      groups.isEmpty ? ["--clear-groups"] : ["--groups", groups.map(String.init).joined(separator: ",")]
    return ["--reuid", "\(user)", "--regid", "\(group ?? user)"] + supplementary + ["--inh-caps=-all"]
  }
}
