import CLinux
import DeviceSupport
import Foundation
import TestSupport
import Testing

/// A processor that boards are tested with.
enum Architecture: String, CaseIterable, Sendable {
  case x86_64
  case aarch64

  /// This machine's.
  static var host: Architecture { linux_machine() == 183 ? .aarch64 : .x86_64 }

  /// What was built for it.
  var release: Release { self == .host ? .host : .aarch64 }
  /// Debian's liblz4 for it, which the board's file system doesn't have.
  var liblz4: URL {
    let system = self == .host ? "/" : packageRoot.appending(path: ".build-sysroot/\(rawValue)/").path
    return URL(filePath: "\(system)/usr/lib/\(rawValue)-linux-gnu/liblz4.so.1").resolvingSymlinksInPath()
  }
  /// The kernel and libraries that scripts/test.sh has fetched.
  private var system: URL { packageRoot.appending(path: ".build-board/\(rawValue)") }

  /// The other one.
  var foreign: Architecture { self == .x86_64 ? .aarch64 : .x86_64 }

  /// Whether everything is there that a board takes.
  var isAvailable: Bool {
    let emulator = rawValue == "x86_64" ? "qemu-system-x86_64" : "qemu-system-aarch64"
    let needed = [
      release.stage("bootrom"), release.samples.appending(path: "firmware"), liblz4, system,
      URL(filePath: "/usr/bin/\(emulator)"), URL(filePath: "/usr/bin/\(rawValue)-linux-gnu-gcc"),
    ]
    return needed.allSatisfy { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// The firmware `Tests/Programs/NAME.c`, linked with libhusk as an integrator would.
  func firmware(_ name: String, in folder: URL) throws -> String {
    let result = folder.appending(path: "\(name)-program").path
    try require(
      "\(rawValue)-linux-gnu-gcc",
      [
        "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIE", "-pie", "-s", "-o", result,
        "-I", release.headers.path,
        // lz4.h is the same on every processor.
        "-idirafter", "/usr/include",
        packageRoot.appending(path: "Tests/Programs/\(name).c").path, release.staticLibrary.path, "-lm",
      ])
    return result
  }
}

/// Whether tests that switch boards on are to run: with everything built and fetched, and in any case in continuous
/// integration, where a missing piece has to fail.
let boardsAvailable: Bool =
  ProcessInfo.processInfo.environment["CI"] == "true"
  || (geteuid() == 0 && Architecture.allCases.allSatisfy(\.isAvailable))

let needsBoards: Comment = "takes root, emulators, a cross compiler, kernels and device builds: scripts/test.sh"
