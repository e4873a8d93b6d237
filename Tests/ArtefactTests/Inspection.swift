import DeviceSupport
import Foundation

let needsArtefacts = "takes root and scripts/build-device.sh"

/// What binutils say of a file.
struct Inspection {
  let file: URL

  init(_ name: String) {
    file = Release.host.folder.appending(path: name.hasPrefix("lib") ? "lib" : "stages").appending(path: name)
  }

  init(file: URL) { self.file = file }

  /// Types of the program headers, each with its flags, such as `GNU_STACK RW`.
  func programHeaders() throws -> [String] {
    let line = #/ *([A-Z_]+) +(?:0x[0-9a-f]+ +){5}([RWE ]{3}) +0x.*/#
    return try lines("readelf", "-lW").compactMap { text in
      guard let match = text.wholeMatch(of: line) else { return nil }
      return "\(match.output.1) \(match.output.2.filter { $0 != " " })"
    }
  }

  /// Entries of the dynamic table, such as `NEEDED libc.so.6`.
  func dynamicEntries() throws -> [String] {
    try lines("readelf", "-dW").compactMap { text in
      guard let match = text.wholeMatch(of: #/ 0x[0-9a-f]+ \(([A-Z0-9_]+)\) +(.*)/#) else { return nil }
      let value = match.output.2.firstMatch(of: #/\[(.*)\]/#)?.output.1 ?? match.output.2
      return "\(match.output.1) \(value)"
    }
  }

  func needed() throws -> [String] {
    try dynamicEntries().filter { $0.hasPrefix("NEEDED ") }.map { String($0.dropFirst(7)) }
  }

  /// Symbols that others see, without the name of a version.
  func definedSymbols(dynamic: Bool) throws -> [String] {
    try lines("nm", dynamic ? "-D" : "-g", "--defined-only").compactMap { text in
      let words = text.split(separator: " ")
      guard words.count == 3, words[1] != "A" else { return nil }  // A: a version's own name
      return String(words[2].prefix { $0 != "@" })
    }.sorted()
  }

  private func lines(_ command: String...) throws -> [String] {
    let outcome = try run(command[0], command.dropFirst() + [file.path])
    guard outcome.status == 0 else { throw ProgramFailure(description: "\(command): \(outcome.stderr)") }
    return outcome.stdout.split(separator: "\n").map(String.init)
  }
}
