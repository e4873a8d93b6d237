import CLinux

/// A received message and the descriptors that came with it, which are closed unless taken.
public struct Message: ~Copyable {
  public let bytes: [UInt8]
  private var descriptors: [Int32]

  fileprivate init(bytes: [UInt8], descriptors: [Int32]) {
    self.bytes = bytes
    self.descriptors = descriptors
  }

  public var descriptorCount: Int { descriptors.count }

  /// Hands the descriptor at `index` over to the caller, who closes it; -1 if there is none or it was taken.
  public mutating func takeDescriptor(_ index: Int) -> Int32 {
    guard descriptors.indices.contains(index) else { return -1 }
    let descriptor = descriptors[index]
    descriptors[index] = -1
    return descriptor
  }

  deinit {
    for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
  }
}

/// Messages over a connected `SOCK_SEQPACKET` socket (SPEC 8), on either side. Owns nothing: the descriptor stays the
/// caller's.
public struct Channel: Sendable {
  public let socket: Int32

  public enum Failure: Error, Equatable, Sendable {
    /// The other end is closed, or the socket doesn't work.
    case disconnected
    /// A message longer than allowed, or with too many descriptors; it is lost, the channel works on.
    case oversized
    /// The other end doesn't take messages, and waiting was not asked for.
    case wouldBlock
  }

  public init(socket: Int32) {
    self.socket = socket
  }

  public func send(_ message: [UInt8], descriptors: [Int32] = [], waits: Bool = true) throws(Failure) {
    guard linux_send(socket, message, message.count, descriptors, descriptors.count, waits ? 1 : 0) == 0 else {
      throw linux_errno() == EAGAIN ? .wouldBlock : .disconnected
    }
  }

  /// Waits for a message.
  public func receive() throws(Failure) -> Message {
    var descriptors: [Int32] = [-1, -1, -1, -1]
    var count = 0
    var received = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: SecureWorldProtocol.maximumMessage) { buffer, used in
      received = linux_receive(socket, buffer.baseAddress, buffer.count, &descriptors, &count)
      used = max(received, 0)
    }
    if received < 0 { throw linux_errno() == EMSGSIZE ? .oversized : .disconnected }
    let message = Message(bytes: bytes, descriptors: Array(descriptors.prefix(count)))
    // An empty message and a closed socket look alike. Only the latter may end the decryptor.
    if received == 0, linux_is_closed(socket) != 0 { throw .disconnected }
    return message
  }
}
