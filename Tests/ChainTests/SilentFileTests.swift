import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import SecureWorld
import Testing

/// Files of a file system in a client's own hands (FUSE): an operation on one can last for ever (SPEC 8).
@Suite("A file that falls silent", .enabled(if: devicesAvailable, needsDevices), .serialized)
struct SilentFileTests {
  private let bench: Bench
  private let scratch: Scratch
  private let fileSystem: Conversation

  init() throws {
    bench = try Bench()
    scratch = try Scratch()
    let package = scratch.directory.appending(path: "package")
    let folder = scratch.directory.appending(path: "files")
    try Data(bench.module.file()).write(to: package)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    fileSystem = try Conversation(Compiler.program("mute_files").path, [folder.path, package.path])
    try fileSystem.wait(for: "ready")
  }

  private func withSilentFile(_ name: String, _ body: (Int32) throws -> Void) throws {
    let file = open(scratch.directory.appending(path: "files/\(name)").path, O_RDONLY | O_CLOEXEC)
    try #require(file >= 0)
    // Closing it here would last for ever too, as long as the file system is there.
    defer {
      _ = try? fileSystem.end()
      close(file)
    }
    try body(file)
  }

  /// Lasts as long as the deadline, 30 seconds: no shorter test shows that there is one.
  @Test("when it is read is given up on after the deadline; others load meanwhile and after")
  func reading() throws {
    let world = try bench.device.startSecureWorld()
    let grant = try bench.grant.file()
    let package = try bench.module.file()
    _ = try world.identity()
    let decryptor = try world.decryptor()
    let descriptors = try descriptorCount(of: decryptor)
    try withSilentFile("read") { file in
      try withFile(grant) { grant in
        let start = ContinuousClock.now
        let refusal = try world.refusal(package: file, grant: grant)
        #expect(refusal == .deadlineExceeded)
        #expect(ContinuousClock.now - start >= .seconds(30))
      }
      #expect(try world.refusal(package: package, grant: grant) == nil)
    }
    // Only when the file system ended could the worker, and nothing of it is left.
    for _ in 0..<2 { #expect(try world.refusal(package: package, grant: grant) == nil) }
    for worker in try childProcesses(of: decryptor) {
      if let worker = ProcessHandle(worker) { #expect(worker.waitForEnd()) }
    }
    for _ in 0..<2 { _ = try world.ask(.hello) }
    #expect(try descriptorCount(of: decryptor) == descriptors)
    #expect(try world.decryptor() == decryptor)
  }

  @Test("when it is closed holds up nobody")
  func closing() throws {
    let world = try bench.device.startSecureWorld()
    let grant = try bench.grant.file()
    _ = try world.identity()
    let decryptor = try world.decryptor()
    try withSilentFile("close") { file in
      try withFile(grant) { grant in
        for _ in 0..<5 {
          let start = ContinuousClock.now
          let refusal = try world.refusal(package: file, grant: grant)
          #expect(refusal == nil)
          #expect(ContinuousClock.now - start < .seconds(30))
        }
      }
    }
    #expect(try world.refusal(package: bench.module.file(), grant: grant) == nil)
    #expect(try world.decryptor() == decryptor)
  }
}
