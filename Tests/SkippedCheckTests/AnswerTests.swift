import DeviceSupport
import ErrorClass
import Foundation
import TestSupport
import Testing

@Suite("A libhusk that skips one instruction", .enabled(if: skipsAvailable, needsDevices))
struct AnswerTests {
  /// How each answer of `skip_answers.c` is refused.
  private static let expected: [String: ErrorClass] = [
    "unsealed": .notSealed, "may-be-written": .notSealed, "may-grow": .notSealed, "may-shrink": .notSealed,
    "may-be-sealed": .notSealed, "ordinary-file": .notSealed, "another-size": .protocol, "refused": .digestMismatch,
    "of-another-request": .noDecryptor, "says-nothing": .protocol,
  ]

  @Test("runs nothing that isn't the sealed file of a module that was released")
  func answers() throws {
    let scratch = try Scratch()
    func place(_ name: String) -> URL { scratch.directory.appending(path: name) }
    let mark = place("mark")
    let released = Release.host.sharedLibraries[0].resolvingSymlinksInPath()
    // Under the name by which the firmware needs it.
    let library = place("libhusk.so.\(released.lastPathComponent.split(separator: ".")[2])")
    try FileManager.default.copyItem(at: released, to: library)
    let firmware = try Compiler.program(
      "takes_answer", ["-I", Release.host.headers.path, released.path, "-Wl,-rpath,\(scratch.directory.path)"])
    let skips = try Skips(ofLibrary: released, oneOf: 10)
    let list = place("skips")
    try Data((skips.lines.joined(separator: "\n") + "\n").utf8).write(to: list)
    let outcome = try runWithSkips(
      "skip_answers",
      [
        firmware.path, library.path, list.path, Compiler.sharedObject("answer", ["-DANSWER=42"]).path,
        Compiler.sharedObject("marker", ["-DMARKER=\"\(mark.path)\""]).path, mark.path,
      ])
    #expect(outcome.status == 0, "\(outcome.stdout.suffix(300)) \(outcome.stderr)")
    var result = SkipResult()
    for line in outcome.stdout.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2).map(String.init)
      switch words[0] {
      case "as-it-is": result.refusals[words[1]] = words[2]
      case "ran": result.released.append("\(words[1]) \(words[2])")
      case "skips": result.counts = line.split(separator: " ").compactMap { Int($0) }
      default: Issue.record("\(line)")
      }
    }
    for (name, errorClass) in Self.expected { #expect(result.refusals[name] == "\(errorClass.rawValue)", "\(name)") }
    #expect(result.refusals["good"] == "0", "what is released is loaded")
    #expect(result.refusals["loaded"] == "0 ran", "what runs is noticed")
    result.report("libhusk.so", skips, inputs: Self.expected.count + 1)
  }
}
