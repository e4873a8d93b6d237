import CBOR
import CLinux
import Cryptography
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecretBytes
import TestSupport
import Testing

@testable import Decryptor
@testable import FormatVectors

/// Objects that promise or expand to more than there may be: refused early, in bounded memory.
@Suite("Bombs")
struct BombTests {
  // MARK: The tool

  /// Private memory that the tool may have, debug build and all: a valid package shows that it suffices.
  private static let limit = 128 << 20

  @Test(
    "are refused by the tool with their class, in memory that the kernel limits",
    .disabled(if: Sanitizer.current != nil, "the kernel counts the sanitizer's own memory, which is terabytes"))
  func tool() throws {
    let scratch = try Scratch()
    try Data(TestKey.bootRoot.publicKey.pem()).write(to: scratch.directory.appending(path: "root.pub"))
    var peaks: [Int] = []
    for bomb in try [Bomb.harmless] + Bomb.all {
      try bomb.write(to: scratch.directory.appending(path: "bomb"))
      for verb in [["verify", "--root", "root.pub"], ["inspect"]] {
        let outcome = try Limited.run(verb + ["bomb"], in: scratch.directory, privateMemory: Self.limit)
        peaks.append(outcome.peak)
        guard let expected = bomb.expected(by: verb[0]) else {
          #expect(outcome.status == 0, "\(bomb.name): \(outcome.errors)")
          continue
        }
        #expect(outcome.status == 1, "\(bomb.name)")
        #expect(outcome.errors.contains("(\(expected.name))"), "\(bomb.name): \(outcome.errors)")
      }
    }
    let most = (peaks.max() ?? 0) >> 20
    print(
      "vectors: bombs at the tool: \(peaks.count), peak memory \(most) MiB, \((peaks.first ?? 0) >> 20) MiB without")
  }

  // MARK: A worker

  /// The class with which a frame isn't unpacked, and how much of it was written until then.
  private func unpack(_ frame: [UInt8], bound: UInt64) throws -> (refused: ErrorClass?, written: Int64) {
    let file = linux_memory_file_module("module")
    defer { close(file) }
    var unpacker = try ModuleUnpacker(file: file, sizeBound: bound)
    do throws(ErrorClass) {
      for start in stride(from: 0, to: frame.count, by: 16_384) {
        let chunk = Array(frame[start..<min(start + 16_384, frame.count)])
        try unpacker.take(chunk.span.bytes)
      }
    } catch {
      return (error, linux_regular_file_size(file))
    }
    return (nil, linux_regular_file_size(file))
  }

  @Test("that expand past what they declare leave no more than that", arguments: [1, 4096, 300_000])
  func understated(declared: UInt64) throws {
    // 64 MiB of zeros.
    let bomb = LZ4Frame(run: 0, [Int](repeating: 262_144, count: 256), declared: declared).bytes
    let outcome = try unpack(bomb, bound: 1 << 30)
    #expect(outcome.refused == .decompressionFailed)
    #expect(outcome.written <= Int64(declared))
  }

  @Test("that declare more than they may are refused before anything is written", arguments: [4097, 1 << 32, .max])
  func overstated(declared: UInt64) throws {
    let outcome = try unpack(LZ4Frame(run: 0, [262_144], declared: declared).bytes, bound: 4096)
    #expect(outcome.refused == .sizeMismatch)
    #expect(outcome.written == 0)
  }
}

/// The tool in a process whose private memory the kernel limits.
private enum Limited {
  struct Outcome {
    let status: Int32
    let errors: String
    /// Resident memory at its most, in bytes.
    let peak: Int
  }

  private static let tool = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "husk").path

  /// Sets the limit, runs the words, and says how much memory that took. An allocation beyond the limit fails.
  private static let script = """
    import resource, subprocess, sys
    limit = int(sys.argv[1])
    allow = lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    run = subprocess.run(sys.argv[2:], preexec_fn=allow, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    print(run.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    sys.stderr.buffer.write(run.stderr)
    """

  static func run(_ words: [String], in directory: URL, privateMemory limit: Int) throws -> Outcome {
    let outcome = try DeviceSupport.run(
      "python3", ["-c", script, "\(limit)", tool] + words, directory: directory)
    let numbers = outcome.stdout.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    try #require(outcome.status == 0 && numbers.count == 2, "\(outcome.stderr)")
    return Outcome(status: Int32(numbers[0]), errors: outcome.stderr, peak: numbers[1] << 10)
  }
}
