import DeviceSupport
import Foundation
import Testing

/// HUSK_OK and HUSK_E_SONAME_CONFLICT of husk.h.
private let loaded = "load: 0\n"
private let conflict = "load: 69\n"

/// A module whose SONAME is that of another library would be given to whoever needs that library (SPEC 9.2).
@Suite("A module's SONAME", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct SonameTests {
  @Test("may be missing, or a name that nobody else has")
  func harmless() throws {
    let device = try Bench.device([
      "com.acme.nameless": Bench.counter(), "com.acme.named": Bench.counter(soname: "libcounter.so.1"),
    ])
    #expect(try device.boot("status", "com.acme.nameless").stdout == loaded)
    #expect(try device.boot("status", "com.acme.named").stdout == loaded)
  }

  /// libc.so.6 and the dynamic linker are loaded, libz.so.1 is only installed.
  @Test("may not be that of a library", arguments: ["libc.so.6", "libm.so.6", "libz.so.1"])
  func conflicting(soname: String) throws {
    let device = try Bench.device(["com.acme.module": Bench.counter(soname: soname)])
    #expect(try device.boot("status", "com.acme.module").stdout == conflict)
    #expect(try device.boot("status", "com.acme.module", "libother.so.1").stdout == conflict)
    #expect(try device.boot("status", "com.acme.module", soname).stdout == loaded)
  }

  @Test("may not be that of a library in a folder where the firmware's libraries are searched")
  func searched() throws {
    let folder = try Scratch().directory
    let device = try Device(firmware: Compiler.firmware("module_client", ["-pthread", "-Wl,-rpath,\(folder.path)"]))
    try device.install(modules: ["com.acme.module": Bench.counter(soname: "libcounter.so.1")])
    #expect(try device.boot("status", "com.acme.module").stdout == loaded)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(at: Bench.counter(), to: folder.appending(path: "libcounter.so.1"))
    #expect(try device.boot("status", "com.acme.module").stdout == conflict)
  }

  @Test("may not be that of a library that only the dynamic linker's cache knows")
  func cached() throws {
    let scratch = try Scratch()
    let folder = scratch.directory.appending(path: "libraries")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let soname = "libcounter.so.1"
    try FileManager.default.copyItem(at: Bench.counter(soname: soname), to: folder.appending(path: soname))
    let cache = scratch.directory.appending(path: "cache").path
    let folders = scratch.directory.appending(path: "folders").path
    try Data("include /etc/ld.so.conf\n\(folder.path)\n".utf8).write(to: URL(filePath: folders))
    try require("/sbin/ldconfig", ["-X", "-C", cache, "-f", folders])

    let device = try Bench.device(["com.acme.module": Bench.counter(soname: soname)])
    // The machine's own cache is covered for this device alone.
    let outcome = try run(
      "unshare",
      ["-m", "--propagation", "private", "sh", "-c", "mount --bind \"$0\" /etc/ld.so.cache && exec \"$@\"", cache]
        + device.romCommand(["status", "com.acme.module"]))
    #expect(outcome.stdout == conflict, "\(outcome)")
    #expect(try device.boot("status", "com.acme.module").stdout == loaded)
  }

  @Test("may be the same in two versions of a module")
  func ownModules() throws {
    let device = try Bench.device([
      "com.acme.one": Bench.counter(version: 1, soname: "libcounter.so.1"),
      "com.acme.two": Bench.counter(version: 2, soname: "libcounter.so.1"),
    ])
    #expect(try device.boot("versions", "com.acme.one", "com.acme.two").status == 0)
  }
}
