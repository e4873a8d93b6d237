import DeviceSupport
import Foundation
import TestSupport

/// The second implementation, in Python (Tests/Interop), in the environment that scripts/interop.sh makes.
enum Interop {
  /// Whether tests of it are to run: in continuous integration in any case.
  static let isAvailable =
    ProcessInfo.processInfo.environment["CI"] == "true" || FileManager.default.fileExists(atPath: python)

  static let python = packageRoot.appending(path: ".build-interop/bin/python").path

  /// Runs one of its verbs; standard output is JSON.
  static func run(_ arguments: [String], in directory: URL) throws -> Outcome {
    var environment = ProcessInfo.processInfo.environment
    environment["PYTHONPATH"] = packageRoot.appending(path: "Tests/Interop").path
    return try DeviceSupport.run(
      python, ["-B", "-m", "interop"] + arguments, environment: environment, directory: directory)
  }
}
