import CLinux
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecureWorld
import Testing

/// SPEC 8.
@Suite("A load that asks how far it is", .enabled(if: devicesAvailable, needsDevices))
struct ProgressTests {
  /// A world, a package of many segments, and its grant.
  private static func large() throws -> (SecureWorldClient, package: [UInt8], grant: [UInt8]) {
    let bench = try Bench()
    var module = bench.module
    // What can't be compressed keeps its size. What follows the object's own bytes does no harm.
    var generator = SystemRandomNumberGenerator()
    module.object += (0..<3_000_000 / 8).flatMap { _ in
      withUnsafeBytes(of: generator.next()) { Array($0) }
    }
    module.package.manifest.sizeBound = 1 << 23
    return (try bench.device.startSecureWorld(), try module.file(), try bench.grant.file())
  }

  @Test("is told, in rising steps that end with all of it, and then gets its module")
  func told() throws {
    let (world, package, grant) = try Self.large()
    try withFile(package) { package in
      try withFile(grant) { grant in
        let (progress, reply) = try world.load(package, grant)
        guard case .loaded = reply else { throw ProgramFailure(description: "\(reply)") }
        #expect(progress.count > 5 && progress.count <= 64)
        let total = try #require(progress.first?.total)
        #expect(progress.allSatisfy { $0.total == total })
        #expect(progress.map(\.done) == progress.map(\.done).sorted())
        #expect(progress.last?.done == total)
        // The next request isn't mixed up with it.
        #expect(try world.ask(.hello) == .hello(version: 1))
      }
    }
  }

  @Test("and one that doesn't ask isn't told")
  func notTold() throws {
    let (world, package, grant) = try Self.large()
    #expect(try world.refusal(package: package, grant: grant) == nil)
  }

  @Test("is told how far it came when it fails")
  func failing() throws {
    let (world, package, grant) = try Self.large()
    var damaged = package
    damaged[damaged.count - 1000] ^= 1
    try withFile(damaged) { package in
      try withFile(grant) { grant in
        let (progress, reply) = try world.load(package, grant)
        #expect(reply == .failed(.digestMismatch))
        #expect(progress.count > 5)
        #expect(progress.allSatisfy { $0.done < $0.total })
      }
    }
    // Before anything is decrypted, nothing is told.
    try withFile(package) { package in
      try withFile([0]) { grant in
        let (progress, reply) = try world.load(package, grant)
        #expect(progress == [])
        #expect(reply == .failed(.malformed))
      }
    }
  }

  @Test("and takes nothing of it still gets its reply")
  func deaf() throws {
    let (world, package, grant) = try Self.large()
    try withFile(package) { package in
      try withFile(grant) { grant in
        let request = Request(id: 900, operation: .load, Request.Wishes(progress: true))
        try world.channel.send(request.encoded(), descriptors: [package, grant])
        // What follows is answered later, so that the load is over by then: nothing was taken until now.
        try world.channel.send(Request(id: 901, operation: .hello).encoded())
        var replies: [Reply] = []
        while replies.count < 2 {
          let message = try world.channel.receive()
          let operation: SecureWorld.Operation = replies.isEmpty ? .load : .hello
          guard case .reply(let reply) = try DecryptorMessage(parsing: message.bytes[...], to: operation) else {
            continue
          }
          replies.append(reply)
        }
        #expect(replies.map(\.id) == [900, 901])
        guard case .loaded = replies[0].result else { throw ProgramFailure(description: "\(replies[0])") }
      }
    }
  }
}
