public import Foundation
import Synchronization
import TestSupport

/// Programs of Tests/Programs, compiled when they are first asked for, once per test run.
public enum Compiler {
  /// A firmware: `Tests/Programs/NAME.c`, linked with libhusk as an integrator would.
  public static func firmware(_ name: String, _ flags: [String] = []) throws -> URL {
    let library = Release.host.staticLibrary.path
    return try compile(
      name, ["-fPIE", "-pie", "-I", Release.host.headers.path, source(name)] + flags + [library, "-lm"])
  }

  /// A firmware in C++17: `Tests/Programs/NAME.cpp`.
  public static func firmware(cxx name: String) throws -> URL {
    try compile(
      name, with: ["g++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIE", "-pie"],
      [
        "-I", Release.host.headers.path, packageRoot.appending(path: "Tests/Programs/\(name).cpp").path,
        Release.host.staticLibrary.path,
      ])
  }

  /// A firmware in Swift, with the module map that ships: `Tests/Programs/NAME.swift`.
  public static func firmware(swift name: String) throws -> URL {
    try compile(
      name, with: ["swiftc", "-O", "-static-stdlib", "-warnings-as-errors"],
      [
        "-I", Release.host.headers.path, packageRoot.appending(path: "Tests/Programs/\(name).swift").path,
        Release.host.staticLibrary.path,
      ])
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

  private static let c = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"]

  private static func compile(_ name: String, with compiler: [String] = c, _ arguments: [String]) throws -> URL {
    try built.withLock { built in
      if let result = built[arguments] { return result }
      let result = Scratch.shared.appending(path: "\(name)-\(built.count)")
      try require(compiler[0], compiler.dropFirst() + ["-o", result.path] + arguments)
      built[arguments] = result
      return result
    }
  }
}
