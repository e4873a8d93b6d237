import CLinux
public import Foundation

/// What came of running a program.
public struct Outcome: Sendable {
  /// The exit status; -SIGNAL if a signal ended it.
  public let status: Int32
  public let stdout: String
  public let stderr: String
}

/// Why a program has no outcome.
public struct ProgramFailure: Error, CustomStringConvertible {
  public let description: String

  public init(description: String) {
    self.description = description
  }
}

/// Runs a program to its end.
///
/// - Parameters:
///   - environment: all of it.
///   - descriptors: what the program finds at which number, besides 0 to 2.
///   - seconds: how long it may take.
@discardableResult
public func run(
  _ executable: String, _ arguments: [String] = [], stdin: String = "",
  environment: [String: String] = ProcessInfo.processInfo.environment, directory: URL? = nil,
  descriptors: [(number: Int32, descriptor: Int32)] = [], seconds: Int = patience
) throws -> Outcome {
  try Program(
    executable, arguments, stdin: stdin, environment: environment, directory: directory, descriptors: descriptors
  ).outcome(seconds: seconds)
}

/// Runs a program that has to succeed.
public func require(_ executable: String, _ arguments: [String]) throws {
  let outcome = try run(executable, arguments)
  guard outcome.status == 0 else { throw ProgramFailure(description: "\(executable) failed: \(outcome.stderr)") }
}

/// A program that was started. It is killed with this object, if it still runs.
///
/// What it reads and says goes through memory files, not pipes: a pipe that nobody drains would block it.
public final class Program {
  public let id: Int32
  private let handle: ProcessHandle
  private let output: Int32
  private let errors: Int32
  private var isCollected = false
  private let world: AnyObject?

  /// - Parameter world: is kept as long as this object, such as the directory that the program works in.
  public init(
    _ executable: String, _ arguments: [String] = [], stdin: String = "",
    environment: [String: String] = ProcessInfo.processInfo.environment, directory: URL? = nil,
    descriptors: [(number: Int32, descriptor: Int32)] = [], world: AnyObject? = nil
  ) throws {
    self.world = world
    let input = try Self.memoryFile("stdin")
    defer { close(input) }
    var text = stdin
    let isWritten = text.withUTF8 { pwrite(input, $0.baseAddress, $0.count, 0) == $0.count }
    guard isWritten else { throw ProgramFailure(description: "no room for standard input") }
    output = try Self.memoryFile("stdout")
    errors = try Self.memoryFile("stderr")

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in [(0, input), (1, output), (2, errors)] + descriptors {
      posix_spawn_file_actions_adddup2(&actions, descriptor, number)
    }
    if let directory { Self.changeDirectory(&actions, directory.path) }
    let words = ([executable] + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var process: Int32 = 0
    // Threads that run tests block signals, and who inherits that waits for ever for the end of its children.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let failure = posix_spawnp(&process, executable, &actions, &attributes, words, variables)
    guard failure == 0 else {
      throw ProgramFailure(description: "\(executable) doesn't start: \(String(cString: strerror(failure)))")
    }
    guard let handle = ProcessHandle(process) else { throw ProgramFailure(description: "no handle for \(executable)") }
    id = process
    self.handle = handle
  }

  deinit {
    if !isCollected {
      kill(id, SIGKILL)
      _ = collect()
    }
    close(output)
    close(errors)
  }

  /// Waits for the program's end; throws if that doesn't come.
  public func outcome(seconds: Int = patience) throws -> Outcome {
    guard handle.waitForEnd(seconds: seconds) else {
      throw ProgramFailure(description: "program hangs; it said: \(text(of: errors))")
    }
    return Outcome(status: collect(), stdout: text(of: output), stderr: text(of: errors))
  }

  private func collect() -> Int32 {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
    isCollected = true
    let signal = status & 0x7f
    return signal == 0 ? status >> 8 & 0xff : -signal
  }

  private func text(of file: Int32) -> String {
    var status = stat()
    guard fstat(file, &status) == 0 else { return "" }
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
      count = max(0, pread(file, buffer.baseAddress, buffer.count, 0))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func changeDirectory(_ actions: inout posix_spawn_file_actions_t, _ path: String) {
    // Swift doesn't see this function of glibc's.
    typealias Add = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32
    _ = unsafeBitCast(dlsym(nil, "posix_spawn_file_actions_addchdir_np"), to: Add.self)(&actions, path)
  }

  private static func memoryFile(_ name: String) throws -> Int32 {
    let file = linux_memory_file_module(name)
    guard file >= 0 else { throw ProgramFailure(description: "no memory file") }
    return file
  }
}
