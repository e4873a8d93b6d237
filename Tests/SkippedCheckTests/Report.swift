import CLinux
import Testing

var linuxMachine: UInt16 { linux_machine() }

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
