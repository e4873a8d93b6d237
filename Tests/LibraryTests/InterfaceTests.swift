import BootChain
import CLinux
import DeviceSupport
import Foundation
import FormatFixtures
import HuskFormat
import Testing

/// What husk.h offers around loading: messages, progress, protections, sessions by path.
@Suite("libhusk's interface", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct InterfaceTests {
  private func device(_ modules: [String: URL], mayBeExecuteOnly: Bool = false) throws -> Device {
    let device = try Device(firmware: Compiler.firmware("interface_client"))
    try device.install(modules: modules) { $0.package.manifest.mayBeExecuteOnly = mayBeExecuteOnly }
    return device
  }

  // MARK: - Messages

  @Test("tells which symbol the dynamic linker misses, and what is wrong with files and options")
  func missing() throws {
    let device = try device(["com.acme.module": Bench.counter(["-DNEEDS_MISSING"])])
    #expect(
      try device.boot("log", "com.acme.module").stdout == """
        error: dlopen: undefined symbol: nobody_has_this
        load: 70
        error: /no/such/file: No such file or directory
        no file: 65
        error: a request to the decryptor: Bad file descriptor
        not open: 64
        error: the options: a size or a member that this libhusk doesn't know
        odd options: 64

        """)
  }

  @Test("tells which library the dynamic linker misses")
  func missingLibrary() throws {
    let scratch = try Scratch()
    let library = scratch.directory.appending(path: "libelsewhere.so.1")
    try FileManager.default.copyItem(at: Bench.counter(soname: "libelsewhere.so.1"), to: library)
    let device = try device(["com.acme.module": Bench.counter(["-Wl,--no-as-needed", library.path])])
    let outcome = try device.boot("log", "com.acme.module")
    #expect(
      outcome.stdout.hasPrefix(
        "error: dlopen: libelsewhere.so.1: cannot open shared object file: No such file or directory\nload: 70\n"))
  }

  @Test("tells which SONAME conflicts, and with what", arguments: [("libc.so.6", "loaded"), ("libz.so.1", "system")])
  func conflict(soname: String, with what: String) throws {
    let device = try device(["com.acme.module": Bench.counter(soname: soname)])
    let words = what == "loaded" ? "a loaded library" : "a library of the system"
    let outcome = try device.boot("log", "com.acme.module")
    #expect(outcome.stdout.hasPrefix("error: the module's SONAME is that of \(words): \(soname)\nload: 69\n"))
    #expect(try device.boot("log", "com.acme.module", soname).stdout.hasPrefix("load: 0\nflags: 1\n"))
  }

  @Test("shows nothing of a module's names that could move a cursor")
  func controlCharacters() throws {
    let device = try device(["com.acme.module": Bench.counter(["-DNEEDS_MISSING"])])
    let name = "nobody_has_this"
    try device.install(modules: ["com.acme.module": Bench.counter(["-DNEEDS_MISSING"])]) {
      guard let place = Data($0.object).firstRange(of: Data(name.utf8)) else { return }
      $0.object[place.lowerBound] = 0x1B
      $0.object[place.lowerBound + 1] = 0x0A
    }
    let outcome = try device.boot("log", "com.acme.module")
    #expect(outcome.stdout.hasPrefix("error: dlopen: undefined symbol: ??body_has_this\nload: 70\n"))
  }

  // MARK: - Languages

  enum Language: CaseIterable {
    case cxx17, swift

    func firmware() throws -> URL {
      switch self {
      case .cxx17: try Compiler.firmware(cxx: "client")
      case .swift: try Compiler.firmware(swift: "client")
      }
    }
  }

  @Test("serves firmwares in other languages than C", arguments: Language.allCases)
  func languages(language: Language) throws {
    let device = try Device(firmware: language.firmware())
    try device.install(modules: ["com.acme.counter": Bench.counter()])
    let outcome = try device.boot("com.acme.counter")
    #expect(outcome.stdout == "load: success\ncom.acme.counter 1.2.3\ncount 1\nfirst: secret-memory\n", "\(outcome)")
    #expect(outcome.status == 0)
  }

  // MARK: - Memory

  @Test("loads a module that can't be locked in memory, and says so")
  func unlocked() throws {
    let device = try device(["com.acme.module": Bench.counter()])
    let outcome = try device.boot("unlocked", "com.acme.module")
    let warning = #/warning: the module's memory isn't locked in RAM: .+\nload: 0\nflags: 0\n.*/#.dotMatchesNewlines()
    #expect(try warning.wholeMatch(in: outcome.stdout) != nil, "\(outcome)")
  }

  @Test("answers a lack of memory with a status")
  func outOfMemory() throws {
    let outcome = try device(["com.acme.module": Bench.counter()]).boot("poor", "com.acme.module")
    #expect(outcome.stdout == "open: 27\nload: 27\nidentity: 27\nprotections: 27\n")
    #expect(outcome.status == 0)
  }

  /// Whether this processor and its kernel have memory that can be executed but not read.
  private func hasExecuteOnlyMemory() throws -> Bool {
    try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).contains(" ospke ")
  }

  @Test("makes a module's code unreadable where the processor can, if its packager allows it")
  func executeOnly() throws {
    let device = try device(["com.acme.module": Bench.counter(["-Wl,-z,separate-code"])], mayBeExecuteOnly: true)
    let refused = """
      flags: 7
      reading: refused
      count 1 2
      symbols: 0

      """
    let readable = """
      warning: the module's code stays readable: this processor or kernel has no execute-only memory
      flags: 5
      reading: works
      count 1 2
      symbols: 0

      """
    #expect(try device.boot("text", "com.acme.module").stdout == (hasExecuteOnlyMemory() ? refused : readable))
  }

  @Test("leaves code readable if its packager doesn't allow anything else")
  func notExecuteOnly() throws {
    let device = try device(["com.acme.module": Bench.counter(["-Wl,-z,separate-code"])])
    #expect(
      try device.boot("text", "com.acme.module").stdout == "flags: 1\nreading: works\ncount 1 2\nsymbols: 0\n")
  }

  @Test("leaves code readable that shares its segment with what the dynamic linker reads")
  func tablesInText() throws {
    let device = try device(["com.acme.module": Bench.counter(["-Wl,-z,noseparate-code"])], mayBeExecuteOnly: true)
    let outcome = try device.boot("text", "com.acme.module")
    #expect(
      outcome.stdout == """
        warning: the module's code stays readable: its segment holds tables too; link it with -Wl,-z,separate-code
        flags: 5
        reading: works
        count 1 2
        symbols: 0

        """)
  }

  // MARK: - Progress

  @Test("tells how loading comes along")
  func progress() throws {
    let device = try device(["com.acme.module": systemLibrary("libcrypto.so.3")])
    let outcome = try device.boot("progress", "com.acme.module", "libcrypto.so.3")
    #expect(outcome.stdout == "load: 0\ncalls, to the end\n")
    #expect(outcome.stderr == "")
  }

  @Test("stops when progress is answered so, and goes on with the session")
  func cancelling() throws {
    let device = try device(["com.acme.module": systemLibrary("libcrypto.so.3")])
    let outcome = try device.boot("cancel", "com.acme.module", "libcrypto.so.3")
    #expect(
      outcome.stdout == """
        load: 72, no module, called 1 times
        identity: 0
        descriptors: none left open
        load: 0

        """)
    #expect(outcome.stderr == "")
  }

  // MARK: - Protections

  @Test("tells the protections of decryptor, process and platform, and what is unknown without a session")
  func protections() throws {
    let device = try device(["com.acme.module": Bench.counter()])
    let asked = try device.boot("protections", "com.acme.module")
    #expect(asked.stderr == "")
    let lines = asked.stdout.split(separator: "\n")
    #expect(lines.contains("7 seccomp active"))
    #expect(lines.contains("4 not-dumpable active"))

    let alone = try device.boot("protections")
    #expect(alone.stderr == "")
    let others = alone.stdout.split(separator: "\n")
    #expect(others.contains("7 seccomp unknown"))
    #expect(others.map { $0.split(separator: " ")[1] } == lines.map { $0.split(separator: " ")[1] })
  }

  // MARK: - Sessions by path

  @Test("opens a session at a socket's path, however long, and closes it with the session")
  func connecting() throws {
    let device = try device(["com.acme.module": Bench.counter()])
    let folder = device.directory.appending(path: String(repeating: "a", count: 120))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let listener = try Listener(folder.appending(path: "socket").path)
    let client = try Program(
      Compiler.firmware("interface_client").path,
      [
        "connect", listener.path, device.flash.appending(path: "modules/com.acme.module.husk").path,
        device.flash.appending(path: "grants/com.acme.module.grant").path,
      ])
    let decryptor = try listener.accept { try device.serve($0) }
    #expect(try client.outcome().stdout == "connect: 0\nclose-on-exec: yes\nload: 0\nsocket: closed\ncount 1\n")
    // The decryptor's client has hung up.
    _ = try decryptor.outcome()
  }

  @Test("says why there is no session at a path")
  func notConnecting() throws {
    let scratch = try Scratch()
    let path = scratch.directory.appending(path: "socket").path
    let client = try Compiler.firmware("interface_client").path
    func connect() throws -> String { try run(client, ["connect", path, "-", "-"]).stdout }
    #expect(try connect() == "error: \(path): No such file or directory\nconnect: 65\n")
    try Data().write(to: URL(filePath: path))
    #expect(try connect() == "error: \(path): Socket operation on non-socket\nconnect: 64\n")
    try FileManager.default.removeItem(atPath: path)
    var listener: Listener? = try Listener(path, type: SOCK_STREAM)
    #expect(try connect() == "error: \(path): Protocol wrong type for socket\nconnect: 64\n")
    try FileManager.default.removeItem(atPath: path)
    listener = try Listener(path)
    #expect(listener != nil)
    listener = nil
    #expect(try connect() == "error: \(path): Connection refused\nconnect: 66\n")
  }
}

/// A socket that waits for clients at a path.
private final class Listener {
  let path: String
  private let socket: Int32

  init(_ path: String, type: __socket_type = SOCK_SEQPACKET) throws {
    self.path = path
    socket = Glibc.socket(AF_UNIX, Int32(type.rawValue), 0)
    // A path may be longer than an address holds: it is named from its folder.
    let folder = URL(filePath: path).deletingLastPathComponent().path
    let descriptor = linux_open_directory(folder)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let place = "/proc/self/fd/\(descriptor)/\(URL(filePath: path).lastPathComponent)"
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: place.utf8) }
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard isBound == 0, listen(socket, 1) == 0 else { throw ProgramFailure(description: "no listener at \(path)") }
  }

  deinit { close(socket) }

  /// Waits for a client, and hands over the connection for the time of `body`.
  func accept<Result>(_ body: (Int32) throws -> Result) throws -> Result {
    guard linux_wait_readable(socket, 60_000) == 1 else { throw ProgramFailure(description: "nobody came") }
    let connection = Glibc.accept(socket, nil, nil)
    defer { close(connection) }
    return try body(connection)
  }
}
