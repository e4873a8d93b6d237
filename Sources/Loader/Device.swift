import CBOR
import CLinux
import ErrorClass
import SecureWorld

/// A session with the decryptor: what `husk_device` stands for.
final class Device {
  private let channel: Channel
  private let lock = Lock()
  private var lastID: UInt64 = 0

  /// How long an answer may take: the decryptor's own deadline, and some.
  private static let patience = SecureWorldProtocol.deadline + 10_000

  /// - Parameter socket: stays the caller's.
  init(socket: Int32) throws(ErrorClass) {
    channel = Channel(socket: socket)
    guard case .hello(let version) = try request(.hello).result else { throw .protocol }
    guard version == SecureWorldProtocol.version else { throw .unsupportedVersion }
  }

  func identity() throws(ErrorClass) -> [UInt8] {
    guard case .identity(let bytes) = try request(.identity).result else { throw .protocol }
    return bytes
  }

  /// Asks for a module; the descriptors stay the caller's.
  func load(package: Int32, grant: Int32) throws(ErrorClass) -> ReceivedModule {
    var answer = try request(.load, descriptors: [package, grant])
    guard case .loaded(let module) = answer.result else { throw .protocol }
    return try ReceivedModule(module, file: answer.message.takeDescriptor(0))
  }

  private struct Answer: ~Copyable {
    let result: Reply.Result
    var message: Message
  }

  /// Sends a request and waits for its reply; throws the class that the decryptor refused it with.
  private func request(_ operation: Operation, descriptors: [Int32] = []) throws(ErrorClass) -> Answer {
    lock.lock()
    defer { lock.unlock() }
    lastID += 1
    try send(Request(id: lastID, operation: operation), descriptors)
    while true {
      let message = try receive()
      let reply: Reply
      do throws(CBORError) {
        reply = try Reply(parsing: message.bytes[...], to: operation)
      } catch {
        throw .protocol
      }
      // An answer that came too late for an earlier request is nobody's.
      guard reply.id == lastID else { continue }
      if case .failed(let errorClass) = reply.result { throw errorClass }
      return Answer(result: reply.result, message: message)
    }
  }

  private func send(_ request: Request, _ descriptors: [Int32]) throws(ErrorClass) {
    do throws(Channel.Failure) {
      try channel.send(request.encoded(), descriptors: descriptors)
    } catch {
      // A descriptor that can't be passed, or be a socket, is the caller's mistake, not the decryptor's absence.
      let reason = linux_errno()
      throw reason == EBADF || reason == ENOTSOCK ? .invalidArgument : .noDecryptor
    }
  }

  private func receive() throws(ErrorClass) -> Message {
    guard linux_wait_readable(channel.socket, Self.patience) == 1 else { throw .noDecryptor }
    do throws(Channel.Failure) {
      return try channel.receive()
    } catch {
      throw error == .disconnected ? .noDecryptor : .protocol
    }
  }
}
