import BootChain
import CBOR
import CLinux
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecureWorld
import Synchronization
import Testing

@Suite("The decryptor survives a client", .enabled(if: devicesAvailable, needsDevices))
struct HostileClientTests {
  /// A secure world, with a package and a grant that it accepts.
  private struct Session {
    let world: SecureWorldClient
    let package: [UInt8]
    let grant: [UInt8]

    init() throws {
      let bench = try Bench()
      world = try bench.device.startSecureWorld()
      package = try bench.module.file()
      grant = try bench.grant.file()
    }

    /// Calls `body`, and expects that the decryptor is as it was: it works, and holds nothing on to.
    func expectUnharmed(_ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) throws {
      _ = try world.identity()
      let decryptor = try world.decryptor()
      let descriptors = try descriptorCount(of: decryptor)
      try body()
      try expectGood(sourceLocation: sourceLocation)
      #expect(try world.decryptor() == decryptor, sourceLocation: sourceLocation)
      // By the second answer it has tidied up behind the load and the first: closed its files, and buried its workers.
      let workers = try childProcesses(of: decryptor)
      for worker in workers {
        if let worker = ProcessHandle(worker) { #expect(worker.waitForEnd(), sourceLocation: sourceLocation) }
      }
      for _ in 0..<2 { _ = try world.ask(.hello) }
      #expect(try descriptorCount(of: decryptor) == descriptors, sourceLocation: sourceLocation)
      #expect(try childProcesses(of: decryptor).allSatisfy { !workers.contains($0) }, sourceLocation: sourceLocation)
    }

    /// Expects that what should load does.
    func expectGood(sourceLocation: SourceLocation = #_sourceLocation) throws {
      #expect(try world.refusal(package: package, grant: grant) == nil, sourceLocation: sourceLocation)
    }

    /// Expects how a load comes out: refused with this class, or not at all.
    func expect(
      _ errorClass: ErrorClass?, package: Int32, grant: Int32, _ comment: Comment? = nil,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let refusal = try world.refusal(package: package, grant: grant)
      #expect(refusal == errorClass, comment, sourceLocation: sourceLocation)
    }

    /// Sends a message and expects that it is called malformed, under this id.
    func expectMalformed(
      _ message: [UInt8], _ descriptors: [Int32] = [], id: UInt64, _ comment: Comment? = nil,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      #expect(world.send(raw: message, descriptors), comment, sourceLocation: sourceLocation)
      let reply = try world.receive()
      #expect(reply == Reply(id: id, result: .failed(.malformed)), comment, sourceLocation: sourceLocation)
    }
  }

  private static func request(
    version: UInt64 = 1, id: UInt64 = 77, operation: UInt64 = 0, parameters: [UInt8] = [0xa0]
  ) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(unsigned: version)
    encoder.encode(unsigned: id)
    encoder.encode(unsigned: operation)
    encoder.encode(encoded: parameters)
    return encoder.bytes
  }

  @Test("that sends requests that aren't any")
  func malformed() throws {
    let session = try Session()
    try session.expectUnharmed {
      let good = Self.request()
      for length in 1..<good.count {
        // Four items take four bytes behind the head; what has fewer isn't looked into.
        try session.expectMalformed(Array(good.prefix(length)), id: length < 5 ? 0 : 77, "\(length) bytes")
      }
      let anonymous: [[UInt8]] = [
        [0], [0xa0], [0x80], [0xf6], [0xff], [0xbf], [0x9f], [0xd8], [0x5b] + [UInt8](repeating: 0xff, count: 8),
        [0x9b] + [UInt8](repeating: 0xff, count: 8), [UInt8](repeating: 0x81, count: 65_536),
        [UInt8](repeating: 0xff, count: 65_536), Self.request(version: 0), Self.request(version: 2),
        Self.request(version: 1 << 63), [0x84, 0x01, 0x20, 0x00, 0xa0], [0x84, 0x01, 0x18, 0x05, 0x00, 0xa0],
        [0x85] + good.dropFirst(), [0x83] + good.dropFirst(),
      ]
      for message in anonymous {
        try session.expectMalformed(message, id: 0, "\(message.prefix(12))")
      }
      let named: [[UInt8]] = [
        Self.request(operation: 4), Self.request(operation: 8), Self.request(operation: .max),
        Self.request(parameters: [0xa1, 0x01, 0x01]),
        Self.request(parameters: [0x80]), Self.request(parameters: [0xbf, 0xff]), good + [0], good + good,
      ]
      for message in named { try session.expectMalformed(message, id: 77, "\(message)") }
      try session.expectMalformed(Self.request(id: .max, operation: 9), id: .max)
    }
  }

  @Test("that sends more than a message may have")
  func oversized() throws {
    let session = try Session()
    try session.expectUnharmed {
      for size in [65_537, 100_000, 200_000] {
        try session.expectMalformed([UInt8](repeating: 0, count: size), id: 0, "\(size) bytes")
      }
    }
  }

  @Test("that sends a message of nothing")
  func empty() throws {
    let session = try Session()
    try session.expectUnharmed {
      for _ in 0..<3 { try session.expectMalformed([], id: 0) }
      try withFile([1]) { file in try session.expectMalformed([], [file, file], id: 0) }
    }
  }

  @Test("that sends another number of descriptors")
  func descriptorCounts() throws {
    let session = try Session()
    try session.expectUnharmed {
      try withFile(session.package) { file in
        for operation: UInt64 in 0...2 {
          for count in [0, 1, 2, 3, 4] where count != (operation == 1 ? 2 : 0) {
            try session.expectMalformed(
              Self.request(operation: operation), Array(repeating: file, count: count), id: 77,
              "operation \(operation), \(count) descriptors")
          }
          // More than it has room for.
          for count in [5, 64, 253] {
            try session.expectMalformed(
              Self.request(operation: operation), Array(repeating: file, count: count), id: 0,
              "operation \(operation), \(count) descriptors")
          }
        }
      }
    }
  }

  @Test("that sends descriptors of what isn't a file, or can't be read")
  func strangeDescriptors() throws {
    let session = try Session()
    var strange: [(String, Int32)] = []
    defer { for (_, descriptor) in strange { close(descriptor) } }
    func open(_ path: String, _ flags: Int32) -> Int32 { Foundation.open(path, flags | O_CLOEXEC) }
    let scratch = try Scratch()
    let path = scratch.directory.appending(path: "package").path
    try Data(session.package).write(to: URL(filePath: path))
    strange = [
      ("a directory", open("/", O_RDONLY)), ("/dev/zero", open("/dev/zero", O_RDONLY)),
      ("/dev/null", open("/dev/null", O_RDWR)), ("a path alone", open(path, 0o10_000_000)),
      ("a file for writing", open(path, O_WRONLY)),
    ]
    var near: Int32 = -1
    var far: Int32 = -1
    #expect(linux_pipe(&near, &far) == 0)
    strange += [("a pipe", near), ("a pipe's other end", far)]
    #expect(linux_socket_pair(&near, &far) == 0)
    strange += [("a socket", near), ("the other socket", far)]
    for (what, descriptor) in strange { try #require(descriptor >= 0, "\(what)") }
    try session.expectUnharmed {
      try withFile(session.package) { package in
        try withFile(session.grant) { grant in
          for (what, descriptor) in strange {
            try session.expect(.io, package: descriptor, grant: grant, "\(what)")
            try session.expect(.io, package: package, grant: descriptor, "\(what)")
          }
          // The socket that it speaks on itself.
          let own = session.world.channel.socket
          try session.expect(.io, package: own, grant: own)
        }
      }
    }
  }

  @Test("that sends files which are not what they seem")
  func strangeFiles() throws {
    let session = try Session()
    try session.expectUnharmed {
      try withFile(session.package) { package in
        try withFile(session.grant) { grant in
          // Files that say they are empty, but aren't; and ones that are huge, but hold nothing.
          for path in ["/proc/self/status", "/proc/self/maps", "/proc/cpuinfo"] {
            let file = open(path, O_RDONLY | O_CLOEXEC)
            defer { close(file) }
            try session.expect(.malformed, package: file, grant: grant, "\(path)")
            try session.expect(.malformed, package: package, grant: file, "\(path)")
          }
          try withFile([]) { huge in
            #expect(ftruncate(huge, 1 << 42) == 0)
            try session.expect(.malformed, package: huge, grant: grant)
            try session.expect(.limitExceeded, package: package, grant: huge)
          }
          try withFile(session.package) { long in
            #expect(ftruncate(long, 1 << 42) == 0)
            try session.expect(.sizeMismatch, package: long, grant: grant)
          }
        }
      }
    }
  }

  @Test("that changes files while they are read")
  func changingFiles() throws {
    let session = try Session()
    try session.expectUnharmed {
      try withFile(session.package) { package in
        try withFile(session.grant) { grant in
          let isDone = Atomic(false)
          let contents = session.package
          try withThread {
            var size = 0
            while !isDone.load(ordering: .relaxed) {
              // Shorter and longer, and with other bytes in it.
              size = (size + 977) % contents.count
              _ = ftruncate(package, off_t(size))
              _ = linux_pwrite_all(package, contents, contents.count, 0)
            }
          } during: {
            defer { isDone.store(true, ordering: .relaxed) }
            for _ in 0..<200 {
              let refusal = try session.world.refusal(package: package, grant: grant)
              let expected: [ErrorClass?] = [nil, .io, .malformed, .sizeMismatch, .digestMismatch]
              #expect(expected.contains(refusal), "\(String(describing: refusal))")
            }
          }
        }
      }
    }
  }

  @Test("that asks thousands of times")
  func many() throws {
    let session = try Session()
    try session.expectUnharmed {
      try withFile(testBytes(1000)) { file in
        for round in 0..<1000 {
          let answer = try session.world.ask(.hello)
          #expect(answer == .hello(version: 1))
          try session.expect(.malformed, package: file, grant: file)
          if round % 100 == 0 { try session.expectGood() }
        }
      }
    }
  }

  @Test("that asks and doesn't listen: it is answered as far as it takes the answers")
  func deaf() throws {
    let session = try Session()
    try session.expectUnharmed {
      try withFile(session.package) { package in
        try withFile(session.grant) { grant in
          let load = Self.request(operation: Operation.load.rawValue)
          var sent = 0
          for _ in 0..<2000 where session.world.send(raw: load, [package, grant]) { sent += 1 }
          #expect(sent > 0)
        }
      }
      // What the decryptor hasn't taken yet it will answer: there is always one to receive.
      while session.world.hasUnread() { _ = try session.world.channel.receive() }
      while try session.world.discardReply() {}
      session.world.send(raw: Self.request(id: 4711, operation: 9))
      while try session.world.receive(for: .load).id != 4711 {}
    }
  }
}
