import CLinux
import Foundation
import SecureWorld
import Testing

/// Messages over real sockets.
@Suite("Channels")
struct ChannelTests {
  /// Two connected ends, closed with this value.
  private final class Ends {
    let near: Channel
    let far: Channel

    init() throws {
      var first: Int32 = -1
      var second: Int32 = -1
      try #require(linux_socket_pair(&first, &second) == 0)
      near = Channel(socket: first)
      far = Channel(socket: second)
    }

    func closeNear() { shutdown(near.socket, Int32(SHUT_RDWR)) }

    deinit {
      close(near.socket)
      close(far.socket)
    }
  }

  /// A pipe whose write end is sent around: its read end tells when every copy is closed.
  private struct Watch {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws {
      var readEnd: Int32 = -1
      var writeEnd: Int32 = -1
      try #require(linux_pipe(&readEnd, &writeEnd) == 0)
      self.readEnd = readEnd
      self.writeEnd = writeEnd
    }

    /// Closes this side's copy, and waits until the others are closed as well. Children that other tests start may have
    /// inherited one until they execute, so this is given time.
    func isEverywhereClosed() -> Bool {
      close(writeEnd)
      defer { close(readEnd) }
      return linux_wait_readable(readEnd, 10_000) == 1
    }
  }

  /// What the pipe behind a descriptor that was received is good for.
  private func write(_ byte: UInt8, to descriptor: Int32, readFrom readEnd: Int32) -> Bool {
    var byte = byte
    var read: UInt8 = 0
    return linux_write_all(descriptor, &byte, 1) == 0 && linux_read_all(readEnd, &read, 1) == 1 && read == byte
  }

  @Test("a message arrives whole and by itself, in order", arguments: [1, 2, 1000, 65_535, 65_536])
  func messages(_ size: Int) throws {
    let ends = try Ends()
    let first = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
    try ends.near.send(first)
    try ends.near.send([1, 2, 3])
    try ends.far.send([9])
    let message = try ends.far.receive()
    #expect(message.bytes == first)
    #expect(message.descriptorCount == 0)
    #expect(try ends.far.receive().bytes == [1, 2, 3])
    #expect(try ends.near.receive().bytes == [9])
  }

  @Test("descriptors arrive open, close-on-exec, in order, and belong to who takes them", arguments: 1...4)
  func descriptors(_ count: Int) throws {
    let ends = try Ends()
    var pipes: [(readEnd: Int32, writeEnd: Int32)] = []
    for _ in 0..<count {
      var pipe: (Int32, Int32) = (-1, -1)
      try #require(linux_pipe(&pipe.0, &pipe.1) == 0)
      pipes.append(pipe)
    }
    defer { for pipe in pipes { for end in [pipe.readEnd, pipe.writeEnd] { close(end) } } }
    try ends.near.send([7], descriptors: pipes.map(\.writeEnd))
    var message = try ends.far.receive()
    #expect(message.descriptorCount == count)
    for (index, pipe) in pipes.enumerated() {
      let taken = message.takeDescriptor(index)
      #expect(taken >= 0 && taken != pipe.writeEnd)
      #expect(fcntl(taken, F_GETFD) == FD_CLOEXEC)
      #expect(write(UInt8(index), to: taken, readFrom: pipe.readEnd))
      close(taken)
      #expect(message.takeDescriptor(index) == -1, "taken already")
    }
    for index in [-1, count, Int.max, Int.min] { #expect(message.takeDescriptor(index) == -1) }
  }

  @Test("descriptors that nobody takes are closed")
  func untaken() throws {
    let ends = try Ends()
    let watch = try Watch()
    try ends.near.send([7], descriptors: [watch.writeEnd, watch.writeEnd])
    do {
      var message = try ends.far.receive()
      let taken = message.takeDescriptor(1)
      #expect(taken >= 0)
      close(taken)
    }
    #expect(watch.isEverywhereClosed())
  }

  @Test("a message that is too long is lost with its descriptors, and the next arrives")
  func oversized() throws {
    let ends = try Ends()
    for size in [65_537, 100_000] {
      let watch = try Watch()
      try ends.near.send([UInt8](repeating: 1, count: size), descriptors: [watch.writeEnd])
      try ends.near.send([2])
      #expect(throws: Channel.Failure.oversized) { _ = try ends.far.receive().bytes }
      #expect(watch.isEverywhereClosed())
      #expect(try ends.far.receive().bytes == [2])
    }
  }

  @Test(
    "a message with too many descriptors is lost with all of them, and the next arrives", arguments: [5, 6, 7, 100])
  func tooMany(_ count: Int) throws {
    let ends = try Ends()
    let watch = try Watch()
    try sendRaw([1], [Int32](repeating: watch.writeEnd, count: count), to: ends.near.socket)
    try ends.near.send([2])
    #expect(throws: Channel.Failure.oversized) { _ = try ends.far.receive().bytes }
    #expect(watch.isEverywhereClosed())
    #expect(try ends.far.receive().bytes == [2])
  }

  @Test("an empty message is one like any other: it doesn't pass for a closed end")
  func empty() throws {
    let ends = try Ends()
    let watch = try Watch()
    try ends.near.send([], descriptors: [watch.writeEnd])
    try ends.near.send([])
    try ends.near.send([2])
    do {
      let message = try ends.far.receive()
      #expect(message.bytes.isEmpty && message.descriptorCount == 1)
    }
    #expect(watch.isEverywhereClosed())
    #expect(try ends.far.receive().bytes.isEmpty)
    #expect(try ends.far.receive().bytes == [2])
    ends.closeNear()
    #expect(throws: Channel.Failure.disconnected) { _ = try ends.far.receive().bytes }
  }

  @Test("more descriptors than a message has room for aren't sent")
  func sendTooMany() throws {
    let ends = try Ends()
    let watch = try Watch()
    #expect(throws: Channel.Failure.disconnected) {
      try ends.near.send([1], descriptors: [Int32](repeating: watch.writeEnd, count: 5))
    }
    try ends.near.send([2])
    #expect(try ends.far.receive().bytes == [2])
    #expect(watch.isEverywhereClosed())
  }

  @Test("a descriptor that isn't open isn't sent")
  func badDescriptor() throws {
    let ends = try Ends()
    #expect(throws: Channel.Failure.disconnected) { try ends.near.send([1], descriptors: [-1]) }
    try ends.near.send([2])
    #expect(try ends.far.receive().bytes == [2])
  }

  @Test("a closed end is told to both who read and who write, without a signal")
  func closed() throws {
    let ends = try Ends()
    try ends.near.send([1])
    ends.closeNear()
    #expect(try ends.far.receive().bytes == [1], "what was sent before still arrives")
    #expect(throws: Channel.Failure.disconnected) { _ = try ends.far.receive().bytes }
    #expect(throws: Channel.Failure.disconnected) { try ends.far.send([1]) }
    #expect(throws: Channel.Failure.disconnected) { try ends.near.send([1]) }
  }

  @Test("who doesn't want to wait for a full socket needn't")
  func full() throws {
    let ends = try Ends()
    let message = [UInt8](repeating: 1, count: 60_000)
    var sent = 0
    #expect(throws: Channel.Failure.wouldBlock) {
      while sent < 10_000 {
        try ends.near.send(message, waits: false)
        sent += 1
      }
    }
    for _ in 0..<sent { #expect(try ends.far.receive().bytes.count == 60_000) }
    try ends.near.send(message, waits: false)
  }

  @Test("what isn't a socket doesn't work")
  func notASocket() throws {
    let watch = try Watch()
    for descriptor in [watch.readEnd, -1] {
      #expect(throws: Channel.Failure.disconnected) { _ = try Channel(socket: descriptor).receive().bytes }
      #expect(throws: Channel.Failure.disconnected) { try Channel(socket: descriptor).send([1]) }
    }
    #expect(watch.isEverywhereClosed())
  }

  /// Sends more descriptors than ``Channel`` would.
  private func sendRaw(_ bytes: [UInt8], _ descriptors: [Int32], to socket: Int32) throws {
    let headerSize = MemoryLayout<cmsghdr>.size
    let length = headerSize + descriptors.count * MemoryLayout<Int32>.size
    var control = [UInt64](repeating: 0, count: (length + 7) / 8)
    var bytes = bytes
    let sent = control.withUnsafeMutableBytes { control in
      bytes.withUnsafeMutableBytes { bytes in
        var header = cmsghdr()
        header.cmsg_len = length
        header.cmsg_level = SOL_SOCKET
        header.cmsg_type = Int32(SCM_RIGHTS)
        control.storeBytes(of: header, as: cmsghdr.self)
        for (index, descriptor) in descriptors.enumerated() {
          control.storeBytes(
            of: descriptor, toByteOffset: headerSize + index * MemoryLayout<Int32>.size, as: Int32.self)
        }
        var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &part) { part in
          var message = msghdr()
          message.msg_iov = part
          message.msg_iovlen = 1
          message.msg_control = control.baseAddress
          message.msg_controllen = control.count
          return sendmsg(socket, &message, 0)
        }
      }
    }
    try #require(sent == bytes.count)
  }
}
