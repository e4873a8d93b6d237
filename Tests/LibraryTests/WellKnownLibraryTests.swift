import DeviceSupport
import Foundation
import TestSupport
import Testing

/// Libraries that everybody knows, through the whole chain: packed, granted, decrypted and loaded from memory.
@Suite("A well-known library", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct WellKnownLibraryTests {
  enum Library: String, CaseIterable, Sendable {
    case lz4 = "liblz4.so.1"
    case sqlite = "libsqlite3.so.0"
    case crypto = "libcrypto.so.3"
  }

  private func device(with library: Library) throws -> Device {
    let device = try Device(firmware: Compiler.firmware("use_library"))
    try device.install(modules: ["com.acme.\(library)": systemLibrary(library.rawValue)])
    return device
  }

  @Test("does through Husk what it does by itself", arguments: Library.allCases)
  func works(library: Library) throws {
    let device = try device(with: library)
    let plain = try inWorkingFolder { folder in
      try run(
        Compiler.firmware("use_library").path,
        ["plain", systemLibrary(library.rawValue).path, "-", "\(library)", folder])
    }
    let husk = try inWorkingFolder { folder in
      try device.boot("husk", "com.acme.\(library)", library.rawValue, "\(library)", folder)
    }
    #expect(plain.status == 0 && plain.stdout.split(separator: "\n").count >= 5, "\(plain)")
    #expect(husk.stdout == plain.stdout)
    #expect(husk.stderr == "")
    #expect(husk.status == 0)
  }

  @Test("is refused when its name isn't the one that is allowed", arguments: Library.allCases)
  func refused(library: Library) throws {
    let device = try device(with: library)
    for allowed in ["libother.so.1", "lib", library.rawValue + "0", ""] {
      let outcome = try device.boot("husk", "com.acme.\(library)", allowed, "\(library)", "/")
      #expect(outcome.stderr.contains("names itself as a loaded or system library"), "\(allowed): \(outcome)")
      #expect(outcome.status == 1)
    }
  }

  /// Calls `body` with a new folder that holds the file `input`, and that a firmware may write to.
  private func inWorkingFolder(_ body: (String) throws -> Outcome) throws -> Outcome {
    let scratch = try Scratch()
    try Data(contentsOf: packageRoot.appending(path: "Samples/data/melody.wav"))
      .write(to: scratch.directory.appending(path: "input"))
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch.directory.path)
    return try body(scratch.directory.path)
  }
}
