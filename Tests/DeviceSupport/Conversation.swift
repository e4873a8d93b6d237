import CLinux
public import Foundation

/// A program that a test talks with while it runs. It says little: what it says goes through a pipe.
public final class Conversation {
  private let program: Program
  private let input: Int32
  private let output: Int32
  private var isInputOpen = true
  private var said = ""
  private var linesRead = 0

  public var id: Int32 { program.id }

  /// Starts the program.
  ///
  /// - Parameter descriptors: what the program finds at which number, besides 0 to 2.
  public init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:], directory: URL? = nil,
    descriptors: [(number: Int32, descriptor: Int32)] = []
  ) throws {
    // Close-on-exec: in another test's program, an end would stay open.
    var programInput: Int32 = -1
    var programOutput: Int32 = -1
    var input: Int32 = -1
    var output: Int32 = -1
    guard linux_pipe(&programInput, &input) == 0, linux_pipe(&output, &programOutput) == 0 else {
      throw ProgramFailure(description: "no pipe")
    }
    self.input = input
    self.output = output
    defer {
      close(programInput)
      close(programOutput)
    }
    program = try Program(
      executable, arguments, environment: environment, directory: directory,
      descriptors: [(0, programInput), (1, programOutput)] + descriptors)
  }

  deinit {
    if isInputOpen { close(input) }
    close(output)
  }

  /// Waits until the program has said `text`; throws if it ends before.
  public func wait(for text: String) throws {
    while !said.contains(text) {
      guard try hear() else {
        throw ProgramFailure(description: "never said \(text): \(try program.outcome().stderr)")
      }
    }
  }

  /// Waits for the next line that no call of this has returned yet; it comes without its end.
  public func line() throws -> String {
    while true {
      let lines = said.split(separator: "\n", omittingEmptySubsequences: false)
      // What is behind the last line's end isn't a line yet.
      if lines.count - 1 > linesRead {
        defer { linesRead += 1 }
        return String(lines[linesRead])
      }
      guard try hear() else {
        throw ProgramFailure(description: "said no more: \(try program.outcome().stderr)")
      }
    }
  }

  public func say(_ text: String) throws {
    let bytes = Array(text.utf8)
    guard linux_write_all(input, bytes, bytes.count) == 0 else {
      throw ProgramFailure(description: "it doesn't listen")
    }
  }

  /// Ends the program's input and waits for the program's end. The outcome holds everything that it said.
  public func end() throws -> Outcome {
    if isInputOpen { close(input) }
    isInputOpen = false
    while try hear() {}
    let outcome = try program.outcome()
    return Outcome(status: outcome.status, stdout: said, stderr: outcome.stderr)
  }

  /// Waits for more; false if the program has closed its output.
  private func hear() throws -> Bool {
    guard waitReadable(output, seconds: patience) else { throw ProgramFailure(description: "program hangs: \(said)") }
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      count = max(0, read(output, buffer.baseAddress, buffer.count))
    }
    said += String(decoding: bytes, as: UTF8.self)
    return !bytes.isEmpty
  }
}
