import DeviceSupport
import Foundation

/// What a command and all that it starts asked of the kernel, as strace(1) saw it.
struct SystemCallLog {
  /// A call as it began; what came of it isn't of interest.
  struct Call {
    let process: Int32
    let name: String
    let arguments: String

    /// The strings that were passed in, as strace prints them.
    var strings: [String] {
      // What readlink(2) found isn't one.
      Array((name.hasPrefix("readlink") ? all.prefix(1) : all[...]))
    }

    private var all: [String] { arguments.matches(of: #/"((?:[^"\\]|\\.)*)"/#).map { String($0.output.1) } }
  }

  let calls: [Call]

  /// Runs a command under strace.
  ///
  /// - Parameter traced: as after `strace -e trace=`.
  static func record(_ command: [String], traced: String) throws -> (log: SystemCallLog, outcome: Outcome) {
    let scratch = try Scratch()
    let file = scratch.directory.appending(path: "log")
    let outcome = try run(
      "strace", ["-f", "-qq", "-o", file.path, "-e", "trace=\(traced)", "-e", "signal=none"] + command)
    return (SystemCallLog(try String(decoding: Data(contentsOf: file), as: UTF8.self)), outcome)
  }

  private init(_ text: String) {
    calls = text.split(separator: "\n").compactMap { line in
      guard let match = line.wholeMatch(of: #/([0-9]+) +([a-z0-9_]+)\((.*)/#) else { return nil }
      return Call(process: Int32(match.output.1) ?? 0, name: String(match.output.2), arguments: String(match.output.3))
    }
  }
}
