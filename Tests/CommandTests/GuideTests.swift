import DeviceSupport
import Foundation
import TestSupport
import Testing

/// The guide that ships in the release folder: its files and commands, from the first to the last, in a copy of the folder.
@Suite("The integrator's guide", .enabled(if: releasesAvailable, "takes root and scripts/build-device.sh"))
struct GuideTests {
  private struct Block {
    let language: Substring
    /// The file that it is; else commands.
    let file: Substring?
    let text: Substring
  }

  private func blocks() throws -> [Block] {
    let guide = try String(contentsOf: Release.host.folder.appending(path: "README.md"), encoding: .utf8)
    return guide.matches(of: #/(?ms)^```(\w+)(?: file=(\S+))?.*?\n(.*?)^```$/#).map { match in
      Block(language: match.output.1, file: match.output.2, text: match.output.3)
    }
  }

  @Test("leads from nothing to a loaded module")
  func works() throws {
    let scratch = try Scratch()
    let folder = scratch.directory.appending(path: "husk")
    try FileManager.default.copyItem(at: Release.host.folder, to: folder)
    try FileManager.default.createSymbolicLink(
      at: scratch.directory.appending(path: "aarch64"), withDestinationURL: Release.aarch64.folder)

    var script = "set -eu\n"
    for block in try blocks() {
      if let file = block.file {
        try Data(block.text.utf8).write(to: folder.appending(path: "\(file)"))
      } else {
        try #require(block.language == "sh")
        script += block.text
      }
    }
    var environment = ProcessInfo.processInfo.environment
    let tools = URL(filePath: Desk.tool).deletingLastPathComponent().path
    environment["PATH"] = "\(tools):\(environment["PATH"] ?? "")"
    let outcome = try run("sh", ["-c", script], environment: environment, directory: folder)
    #expect(outcome.status == 0, "\(outcome)")
    let lines = outcome.stdout.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("libhusk ") && $0.hasSuffix(": invalid argument") } == 3)
    #expect(
      lines.filter { $0.hasPrefix("the answer is ") } == ["the answer is 42", "the answer is 43", "the answer is 43"])
    #expect(
      lines.contains { $0.hasPrefix("com.example.answer: ") && $0.contains("(1.1.0)") && $0.contains("good one now") })
    #expect(FileManager.default.fileExists(atPath: folder.appending(path: "hello-arm").path))
  }

  @Test("names every status that it explains as the header does")
  func statuses() throws {
    let guide = try String(contentsOf: Release.host.folder.appending(path: "README.md"), encoding: .utf8)
    let header = try String(contentsOf: Release.host.header, encoding: .utf8)
    let named = guide.matches(of: #/`(HUSK_E_[A-Z_]+)` \(([0-9]+)\)/#)
    #expect(named.count >= 14)
    for match in named { #expect(header.contains("  \(match.output.1) = \(match.output.2),")) }
  }
}
