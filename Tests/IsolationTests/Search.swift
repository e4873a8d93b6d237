import DeviceSupport
import Foundation

/// Finds bytes in files (common_runs.c).
struct Search {
  /// Of those that were searched, the files that hold 24 bytes in a row of the needle.
  let found: [String]
  /// How many different rows of 24 bytes were looked for.
  let rows: Int

  /// - Parameter excluded: files whose rows don't count.
  init(_ files: [URL], for needle: [UInt8], butNot excluded: [URL] = []) throws {
    let scratch = try Scratch()
    let needleFile = scratch.directory.appending(path: "needle")
    let excludedFile = scratch.directory.appending(path: "excluded")
    try Data(needle).write(to: needleFile)
    try excluded.reduce(into: Data()) { try $0.append(Data(contentsOf: $1)) }.write(to: excludedFile)
    let outcome = try run(
      Compiler.program("common_runs").path, ["24", needleFile.path, excludedFile.path] + files.map(\.path))
    guard outcome.status == 0, let rows = Int(outcome.stderr.trimmingCharacters(in: .newlines)) else {
      throw ProgramFailure(description: outcome.stderr)
    }
    found = outcome.stdout.split(separator: "\n").map(String.init)
    self.rows = rows
  }
}
