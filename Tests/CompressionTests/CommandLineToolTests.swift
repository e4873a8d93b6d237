import Compression
import Foundation
import Testing

/// The `lz4` command reads what Husk writes, and the reverse.
@Suite("The lz4 command", .enabled(if: lz4 != nil, "the lz4 command is not installed"))
struct CommandLineToolTests {
  @Test("decompresses what was compressed here", arguments: [1, 65_536, 262_145, 5_000_000])
  func reads(_ size: Int) throws {
    let original = content(size)
    let frame = try compressLZ4Frame(original.span.bytes)
    #expect(try runLZ4(["-d"], on: frame) == original)
  }

  @Test("compresses what is decompressed here", arguments: [1, 65_536, 262_145, 5_000_000])
  func writes(_ size: Int) throws {
    let original = content(size)
    for options in [["-12", "-B5", "--content-size"], ["-1", "-B4", "-BX", "--content-size", "--no-frame-crc"]] {
      #expect(try decompress(try runLZ4(options, on: original)) == original, "\(options)")
    }
  }

  @Test("writes frames that are refused unless told to declare their size")
  func withoutContentSize() throws {
    let frame = try runLZ4(["-12", "-B5"], on: content(300_000))
    #expect(throws: CompressionError.frameNotAcceptable) { try decompress(frame) }
  }

  /// Runs `lz4` on a file, since it declares a size only where it knows it beforehand.
  private func runLZ4(_ options: [String], on input: [UInt8]) throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "husk-lz4-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (source, destination) = (folder.appending(path: "in"), folder.appending(path: "out"))
    try Data(input).write(to: source)
    let process = Process()
    let tool: URL = try #require(lz4)
    process.executableURL = tool
    process.arguments = ["-q", "-f"] + options + [source.path, destination.path]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return [UInt8](try Data(contentsOf: destination))
  }
}

private let lz4: URL? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
  .map { URL(filePath: String($0)).appending(path: "lz4") }
  .first { FileManager.default.isExecutableFile(atPath: $0.path) }
