import Foundation

/// What came of running a program.
struct Outcome {
  let status: Int32
  let output: Data
  let errors: String

  /// Standard output as text.
  var text: String { String(decoding: output, as: UTF8.self) }
}

/// Runs a program to its end and collects what it says.
///
/// Output goes through files, not pipes: a pipe that nobody drains would block the program.
func run(
  _ executable: String, _ arguments: [String], input: Data = Data(), directory: URL? = nil,
  environment: [String: String] = ProcessInfo.processInfo.environment
) throws -> Outcome {
  try withTemporaryDirectory { temporary in
    func file(_ name: String, _ contents: Data) throws -> FileHandle {
      let url = temporary.appending(path: name)
      try contents.write(to: url)
      return try FileHandle(forUpdating: url)
    }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [executable] + arguments
    process.environment = environment
    process.currentDirectoryURL = directory
    process.standardInput = try file("input", input)
    process.standardOutput = try file("output", Data())
    process.standardError = try file("errors", Data())
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try Data(contentsOf: temporary.appending(path: "output")),
      errors: String(decoding: try Data(contentsOf: temporary.appending(path: "errors")), as: UTF8.self))
  }
}

/// Calls `body` with a new directory, which is gone afterwards.
func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let directory = FileManager.default.temporaryDirectory.appending(path: "husk-samples-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  return try body(directory)
}
