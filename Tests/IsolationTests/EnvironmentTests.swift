import DeviceSupport
import Foundation
import Testing

/// Whatever starts the ROM, and whatever is configured on the machine, changes nothing in a stage (SPEC 7.3).
@Suite("A hostile environment", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct EnvironmentTests {
  private let scratch: Scratch
  private let device: Device
  private let marker: URL
  /// A library that makes the file `marker` when it is loaded.
  private let library: URL
  /// A configuration that has libcrypto load the library as a provider.
  private let configuration: URL

  init() throws {
    scratch = try Scratch()
    try openToAll(scratch.directory)
    device = try Device.withCounter()
    marker = scratch.directory.appending(path: "marker")
    library = try Compiler.sharedObject("marker", ["-DMARKER=\"\(marker.path)\""])
    configuration = scratch.directory.appending(path: "openssl.cnf")
    try Data(
      """
      openssl_conf = start
      [start]
      providers = all
      [all]
      hostile = hostile_section
      [hostile_section]
      module = \(library.path)
      activate = 1

      """.utf8
    ).write(to: configuration)
  }

  private var variables: [String: String] {
    let folder = scratch.directory.path
    return [
      "OPENSSL_CONF": configuration.path, "OPENSSL_CONF_INCLUDE": folder, "OPENSSL_MODULES": folder,
      "OPENSSL_ENGINES": folder, "SSLEAY_CONF": configuration.path, "LD_PRELOAD": library.path,
      "LD_AUDIT": library.path, "LD_LIBRARY_PATH": folder, "LD_BIND_NOW": "1", "LD_DEBUG": "all",
      "LD_DEBUG_OUTPUT": scratch.directory.appending(path: "linker").path,
      "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.perturb=85", "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "85",
      "MALLOC_ARENA_MAX": "1", "GCONV_PATH": folder, "LOCPATH": folder, "NLSPATH": folder, "TMPDIR": folder,
      "HOME": folder, "PATH": folder,
    ]
  }

  @Test("of variables reaches neither the stages nor the firmware")
  func environment() throws {
    for name in ["libc.so.6", "libcrypto.so.3", "legacy.so", "default.so"] {
      try FileManager.default.copyItem(at: library, to: scratch.directory.appending(path: name))
    }
    let before = try files()
    let command = device.romCommand(["status", "com.acme.counter"])
    let outcome = try run(command[0], Array(command.dropFirst()), environment: variables)
    #expect(outcome.stdout == "load: 0\n")
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
    #expect(try files() == before)

    let environment = try run(
      command[0], device.romCommand(["environment"]).dropFirst().map { $0 }, environment: variables)
    #expect(environment.stdout.hasPrefix("0 variables\n"))
  }

  @Test("of variables does reach other programs", arguments: ["OPENSSL_CONF", "LD_PRELOAD", "LD_AUDIT"])
  func environmentControl(variable: String) throws {
    try run("/usr/bin/openssl", ["version"], environment: variables.filter { $0.key == variable })
    #expect(exists(marker))
  }

  @Test("of libcrypto's configuration on this machine reaches no stage, but other programs")
  func configurationFile() throws {
    let folder = try #require(
      run("/usr/bin/openssl", ["version", "-d"]).stdout.firstMatch(of: #/OPENSSLDIR: "(.*)"/#)?.output.1)
    let place = URL(filePath: "\(folder)/openssl.cnf").resolvingSymlinksInPath().path
    let covered = [
      "-m", "--propagation", "private", "sh", "-c", "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"",
      configuration.path, place,
    ]
    let outcome = try run("unshare", covered + device.romCommand(["status", "com.acme.counter"]))
    #expect(outcome.stdout == "load: 0\n", "\(outcome)")
    #expect(!exists(marker))

    try run("unshare", covered + ["/usr/bin/openssl", "version"])
    #expect(exists(marker))
  }

  @Test("of signals that are ignored and blocked changes no outcome, and nothing for the firmware")
  func signals() throws {
    let launcher = try Compiler.program("careless_launcher").path
    let outcome = try run(launcher, device.romCommand(["status", "com.acme.counter"]))
    #expect(outcome.stdout == "load: 0\n")
    #expect(outcome.status == 0)
    let environment = try run(launcher, device.romCommand(["environment"]))
    #expect(try signalMask("SigBlk", in: environment.stdout) == 0)
    // The C library keeps the signals 32 and 33 to itself, and lets programs that it starts ignore them.
    #expect(try signalMask("SigIgn", in: environment.stdout) & ~0x1_8000_0000 == 0)
  }

  private func signalMask(_ name: String, in text: String) throws -> UInt64 {
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(name):\t") })
    return try #require(UInt64(line.dropFirst(name.count + 2), radix: 16))
  }

  private func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch.directory.path).sorted()
  }
}
