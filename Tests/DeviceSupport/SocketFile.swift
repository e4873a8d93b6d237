import CLinux
import Foundation

/// A `SOCK_SEQPACKET` socket at a path, as a service manager makes it.
public final class SocketFile {
  public let path: String
  /// The listening socket.
  public let listener: Int32

  /// - Parameter path: in a directory that exists; everybody may connect.
  public init(_ path: String) throws {
    self.path = path
    listener = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let isListening = try withAddress(of: path) { address, size in
      bind(listener, address, size) == 0 && chmod(path, 0o666) == 0 && listen(listener, 64) == 0
    }
    guard isListening else { throw ProgramFailure(description: "no socket at \(path)") }
  }

  deinit { close(listener) }

  /// A new connection, which is the caller's.
  public func connect() throws -> Int32 {
    try connectSocket(to: path)
  }
}

/// Connects to a `SOCK_SEQPACKET` socket; the connection is the caller's.
public func connectSocket(to path: String) throws -> Int32 {
  let connection = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  let isConnected = try withAddress(of: path) { address, size in connect(connection, address, size) == 0 }
  guard isConnected else {
    close(connection)
    throw ProgramFailure(description: "nobody listens at \(path)")
  }
  return connection
}

private func withAddress<Result>(
  of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) throws -> Result {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
    let bytes = Array(path.utf8)
    guard bytes.count < room.count else { return false }
    room.copyBytes(from: bytes)
    return true
  }
  guard fits else { throw ProgramFailure(description: "\(path) is too long for a socket") }
  return withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
  }
}
