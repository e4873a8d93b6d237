public import Foundation
import Synchronization
import TestSupport

/// Programs of Tests/Programs, compiled with gcc when they are first asked for, once per test run.
public enum Compiler {
  /// A firmware: `Tests/Programs/NAME.c`, linked with libhusk as an integrator would.
  public static func firmware(_ name: String, _ flags: [String] = []) throws -> URL {
    let library = Release.host.staticLibrary.path
    return try compile(
      name, ["-fPIE", "-pie", "-I", Release.host.headers.path, source(name)] + flags + [library, "-lm"])
  }

  /// A program without libhusk: `Tests/Programs/NAME.c`.
  public static func program(_ name: String, _ flags: [String] = []) throws -> URL {
    try compile(name, [source(name)] + flags)
  }

  /// A shared object: `Tests/Programs/NAME.c`.
  public static func sharedObject(_ name: String, _ flags: [String] = []) throws -> URL {
    try compile(name, ["-fPIC", "-shared", "-s", source(name)] + flags)
  }

  private static let built = Mutex<[[String]: URL]>([:])

  private static func source(_ name: String) -> String {
    packageRoot.appending(path: "Tests/Programs/\(name).c").path
  }

  private static func compile(_ name: String, _ arguments: [String]) throws -> URL {
    try built.withLock { built in
      if let result = built[arguments] { return result }
      let result = Scratch.shared.appending(path: "\(name)-\(built.count)")
      try require(
        "gcc", ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-o", result.path] + arguments)
      built[arguments] = result
      return result
    }
  }
}
