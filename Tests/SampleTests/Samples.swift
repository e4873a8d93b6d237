import Foundation

/// The samples' folder, and what is built from it, once for all tests.
enum Samples {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Samples")
  static let melody = folder.appending(path: "data/melody.wav")
  static let day = folder.appending(path: "data/day.csv")

  static let codec = "com.example.adpcm"
  static let activity = "com.example.activity"

  /// The modules as they ship.
  static func module(_ name: String) throws -> String { try built.get().appending(path: "\(name).so").path }

  /// The firmware as it ships, but linked with the stand-in for libhusk (checks/fake_husk.c).
  static func firmware() throws -> String { try built.get().appending(path: "firmware").path }

  /// Firmware and modules that end with a report when they go beyond their memory, or do what C leaves undefined.
  static func sanitized() throws -> URL { try builtSanitized.get() }

  private static let built = Result { try build("plain", compiler: "gcc") }
  private static let builtSanitized = Result {
    try build("sanitized", compiler: "gcc -fsanitize=address,undefined -fno-sanitize-recover=all")
  }

  /// Where everything is built; it goes when the tests end.
  private static let output: URL = {
    atexit { try? FileManager.default.removeItem(at: Samples.output) }
    return FileManager.default.temporaryDirectory.appending(path: "husk-samples-build-\(UUID().uuidString)")
  }()

  private static func build(_ name: String, compiler: String) throws -> URL {
    let out = output.appending(path: name)
    try FileManager.default.createDirectory(at: out, withIntermediateDirectories: true)
    let object = out.appending(path: "fake_husk.o").path, library = out.appending(path: "libhusk.a").path
    let include = folder.appending(path: "../Sources/CHusk/include").path
    let source = folder.appending(path: "checks/fake_husk.c").path
    try require("gcc", ["-c", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIE", "-I", include, source, "-o", object])
    try require("ar", ["rcs", library, object])
    try make(["modules", "firmware", "CC=\(compiler)", "HUSK_CFLAGS=-I\(include)", "HUSK_LIB=\(library)"], out: out)
    return out
  }

  /// Builds targets of a Samples folder.
  static func make(_ arguments: [String], from folder: URL = folder, out: URL) throws {
    try require("make", ["-s", "-C", folder.path, "OUT=\(out.path)"] + arguments)
  }

  /// Runs a script of the samples. It may leave nothing behind in the tree, such as compiled Python.
  static func python(_ script: String, _ arguments: [String]) throws -> Outcome {
    try run("python3", ["-B", "-W", "ignore::DeprecationWarning", folder.appending(path: script).path] + arguments)
  }

  private static func require(_ executable: String, _ arguments: [String]) throws {
    let outcome = try run(executable, arguments)
    guard outcome.status == 0 else { throw BuildFailure(description: "\(executable): \(outcome.errors)") }
  }
}

struct BuildFailure: Error, CustomStringConvertible {
  let description: String
}
