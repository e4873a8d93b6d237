import CBOR
import CLinux
public import ErrorClass
import Foundation
public import Protections
public import SecureWorld

/// The other end of a decryptor's socket, in a test's hands.
public final class SecureWorldClient {
  public let channel: Channel
  /// The process that started as the ROM and is the bootloader now.
  public let rom: Program
  private var nextID: UInt64 = 1
  private var isOpen = true

  /// - Parameters:
  ///   - socket: this owns it from now on.
  ///   - rom: the decryptor's parent, or the decryptor itself.
  public init(socket: Int32, rom: Program) {
    channel = Channel(socket: socket)
    self.rom = rom
  }

  deinit { hangUp() }

  /// Closes the socket, upon which the decryptor ends.
  public func hangUp() {
    if isOpen { close(channel.socket) }
    isOpen = false
  }

  /// The decryptor's process, once it has answered something: before that it may still be the bootloader's copy.
  public func decryptor() throws -> Int32 {
    guard let process = try childProcesses(of: rom.id).first else { throw ProgramFailure(description: "no decryptor") }
    return process
  }

  /// Sends a request and waits for the reply; the memory file that came with it is closed.
  public func ask(
    _ operation: SecureWorld.Operation, _ descriptors: [Int32] = [], _ wishes: Request.Wishes = Request.Wishes()
  ) throws -> Reply.Result {
    nextID += 1
    try channel.send(Request(id: nextID, operation: operation, wishes).encoded(), descriptors: descriptors)
    let reply = try receive(for: operation)
    guard reply.id == nextID else { throw ProgramFailure(description: "the reply to another request") }
    return reply.result
  }

  /// Asks for a load with progress; returns what came, in order.
  public func load(_ package: Int32, _ grant: Int32) throws -> (progress: [SecureWorld.Progress], reply: Reply.Result) {
    nextID += 1
    let request = Request(id: nextID, operation: .load, Request.Wishes(progress: true))
    try channel.send(request.encoded(), descriptors: [package, grant])
    var heard: [SecureWorld.Progress] = []
    while true {
      guard waitReadable(channel.socket, seconds: patience) else { throw ProgramFailure(description: "no reply") }
      let message = try channel.receive()
      switch try DecryptorMessage(parsing: message.bytes[...], to: .load) {
      case .progress(let progress): heard.append(progress)
      case .reply(let reply):
        guard reply.id == nextID else { throw ProgramFailure(description: "the reply to another request") }
        return (heard, reply.result)
      }
    }
  }

  /// Waits for the next reply.
  public func receive(for operation: SecureWorld.Operation = .hello) throws -> Reply {
    guard waitReadable(channel.socket, seconds: patience) else { throw ProgramFailure(description: "no reply") }
    let message = try channel.receive()
    return try Reply(parsing: message.bytes[...], to: operation)
  }

  /// Sends any bytes with any number of descriptors, as no honest client would.
  ///
  /// - Returns: whether they were taken; they aren't when the decryptor's queue is full.
  @discardableResult
  public func send(raw bytes: [UInt8], _ descriptors: [Int32] = []) -> Bool {
    // A control message (cmsg(3)): length, level and type, then the descriptors.
    var control = [UInt64(16 + 4 * descriptors.count), UInt64(SOL_SOCKET) | UInt64(SCM_RIGHTS) << 32]
    control += stride(from: 0, to: descriptors.count, by: 2).map { index in
      let second = index + 1 < descriptors.count ? descriptors[index + 1] : 0
      return UInt64(UInt32(bitPattern: descriptors[index])) | UInt64(UInt32(bitPattern: second)) << 32
    }
    var bytes = bytes
    return bytes.withUnsafeMutableBytes { bytes in
      control.withUnsafeMutableBytes { control in
        var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &part) { part in
          var message = msghdr()
          message.msg_iov = part
          message.msg_iovlen = 1
          if !descriptors.isEmpty {
            message.msg_control = control.baseAddress
            message.msg_controllen = control.count
          }
          return sendmsg(channel.socket, &message, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) >= 0
        }
      }
    }
  }

  /// Whether there is a request that the decryptor hasn't taken yet.
  public func hasUnread() -> Bool {
    // Swift doesn't see functions with variable arguments.
    typealias Control = @convention(c) (Int32, UInt, UnsafeMutablePointer<Int32>) -> Int32
    var bytes: Int32 = 0
    _ = unsafeBitCast(dlsym(nil, "ioctl"), to: Control.self)(channel.socket, UInt(TIOCOUTQ), &bytes)
    return bytes > 0
  }

  /// Takes a reply if there is one already, whatever it answers; false if there is none.
  public func discardReply() throws -> Bool {
    guard waitReadable(channel.socket, seconds: 0) else { return false }
    _ = try channel.receive()
    return true
  }

  public func identity() throws -> [UInt8] {
    guard case .identity(let file) = try ask(.identity) else { throw ProgramFailure(description: "no identity") }
    return file
  }

  /// What the decryptor reports of itself.
  public func protections() throws -> [ProtectionFact] {
    guard case .protections(let facts) = try ask(.protections) else { throw ProgramFailure(description: "no facts") }
    return facts
  }

  /// How a status list is refused; nil if it is accepted.
  public func refusal(statusList: [UInt8]) throws -> ErrorClass? {
    switch try withFile(statusList, { try ask(.statusList, [$0]) }) {
    case .failed(let errorClass): return errorClass
    case .statusList: return nil
    case .hello, .identity, .protections, .loaded, .checked, .done:
      throw ProgramFailure(description: "the answer to another question")
    }
  }

  /// How a file is refused that the decryptor is only asked about; nil if it would be taken.
  public func refusal(of file: [UInt8], segments: Range<UInt64> = 0..<0) throws -> ErrorClass? {
    switch try withFile(file, { try ask(.check, [$0], Request.Wishes(segments: segments)) }) {
    case .failed(let errorClass): return errorClass
    case .checked: return nil
    default: throw ProgramFailure(description: "the answer to another question")
    }
  }

  /// How a load on trial is refused; nil if it isn't.
  public func refusal(onTrial package: [UInt8], grant: [UInt8]) throws -> ErrorClass? {
    try withFile(package) { package in
      try withFile(grant) { grant in
        switch try ask(.load, [package, grant], Request.Wishes(onTrial: true)) {
        case .failed(let errorClass): return errorClass
        case .loaded: return nil
        default: throw ProgramFailure(description: "the answer to another question")
        }
      }
    }
  }

  /// How a load is refused; nil if it isn't.
  public func refusal(package: [UInt8], grant: [UInt8]) throws -> ErrorClass? {
    try withFile(package) { package in try withFile(grant) { grant in try refusal(package: package, grant: grant) } }
  }

  public func refusal(package: Int32, grant: Int32) throws -> ErrorClass? {
    switch try ask(.load, [package, grant]) {
    case .failed(let errorClass): return errorClass
    case .loaded: return nil
    case .hello, .identity, .protections, .statusList, .checked, .done:
      throw ProgramFailure(description: "the answer to another question")
    }
  }
}

/// Calls `body` with a file of these contents.
public func withFile<Result>(_ contents: [UInt8], _ body: (Int32) throws -> Result) throws -> Result {
  let file = linux_memory_file_module("file")
  defer { close(file) }
  guard linux_pwrite_all(file, contents, contents.count, 0) == 0 else {
    throw ProgramFailure(description: "no room for a file")
  }
  return try body(file)
}
