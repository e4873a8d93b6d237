import Foundation
import ModuleELF

/// The C toolchain, which makes the objects that the tests read.
enum Toolchain {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Compiles C to a shared object or whatever else the flags ask for, and returns the file.
  static func build(_ source: String, _ flags: [String], compiler: String = "gcc") throws -> [UInt8] {
    try withTemporaryDirectory { directory in
      let input = directory.appendingPathComponent("probe.c")
      let output = directory.appendingPathComponent("probe.out")
      try Data(source.utf8).write(to: input)
      _ = try run(compiler, flags + ["-o", output.path, input.path])
      return [UInt8](try Data(contentsOf: output))
    }
  }

  /// Runs a program that reads a file, such as readelf, on these bytes.
  static func inspect(_ bytes: [UInt8], _ program: String, _ arguments: [String]) throws -> String {
    try withTemporaryDirectory { directory in
      let file = directory.appendingPathComponent("inspected")
      try Data(bytes).write(to: file)
      return try run(program, arguments + [file.path])
    }
  }

  /// Runs a program that rewrites a file, such as strip, on these bytes.
  static func rewrite(_ bytes: [UInt8], _ program: String, _ arguments: [String]) throws -> [UInt8] {
    try withTemporaryDirectory { directory in
      let file = directory.appendingPathComponent("rewritten")
      try Data(bytes).write(to: file)
      _ = try run(program, arguments + [file.path])
      return [UInt8](try Data(contentsOf: file))
    }
  }

  /// A library of the machine that runs the tests.
  static func systemLibrary(_ name: String) throws -> [UInt8] {
    let path = try run("gcc", ["-print-file-name=\(name)"]).trimmingCharacters(in: .whitespacesAndNewlines)
    // gcc answers with the bare name when it doesn't find the library.
    guard path.hasPrefix("/") else { throw Failure(description: "\(name) isn't installed") }
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(program) \(arguments) exited with \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self)
  }

  private static func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("husk-elf-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try body(directory)
  }
}
