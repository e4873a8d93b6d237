import CLinux
import DeviceSupport
import Foundation
import TestSupport
import Testing

var linuxMachine: UInt16 { linux_machine() }

/// Runs one of the programs that skip. What a process does that has skipped something is anybody's guess, and it has rights:
/// it may end processes that it never started. So there are none for it but its own.
func runWithSkips(_ program: String, _ arguments: [String]) throws -> Outcome {
  let alone = ["--pid", "--fork", "--kill-child", "--mount-proc"]
  return try run("unshare", alone + [Compiler.program(program).path] + arguments, seconds: 36_000)
}

/// What came of it.
struct SkipResult {
  /// How each input is refused when nothing is skipped.
  var refusals: [String: String] = [:]
  /// The input and the skip with which something ran, or was released.
  var released: [String] = []
  /// How many skips were asked for, how many of them are of instructions that are met, and how often something was asked then.
  var counts: [Int] = []

  /// Says how much was skipped, and expects that nothing came of it.
  func report(
    _ what: String, _ skips: Skips, inputs: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(counts.first == skips.lines.count, sourceLocation: sourceLocation)
    guard counts.count == 3 else { return }
    print(
      """
      vectors: skipped checks, \(what): \(inputs) ways to be wrong; \(counts[0]) skips of \(skips.all) in \
      \(skips.instructions) instructions, \(counts[1]) of them met, \(counts[2]) runs, \(released.count) let through
      """)
    #expect(released.isEmpty, "\(released.joined(separator: "\n"))", sourceLocation: sourceLocation)
  }
}
