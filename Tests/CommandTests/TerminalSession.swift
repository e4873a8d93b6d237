import DeviceSupport
import Foundation

/// A program that runs on a terminal of its own.
final class TerminalSession {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let terminal: Int32
  let process: Int32
  private var output: [UInt8] = []
  /// How far `expect` has come.
  private var seen = 0

  init(_ program: String, _ arguments: [String], in directory: URL) throws {
    // posix_openpt and its companions are functions that Swift doesn't see: this is what they do.
    terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var number: Int32 = 0
    var lock: Int32 = 0
    let (numberOf, unlock): (UInt, UInt) = (0x8004_5430, 0x4004_5431)  // TIOCGPTN, TIOCSPTLCK
    guard terminal >= 0, ioctl(terminal, numberOf, &number) == 0, ioctl(terminal, unlock, &lock) == 0 else {
      throw Failure(description: "no terminal")
    }
    // A new session's leader takes the first terminal that it opens for its own.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Threads that run tests have signals blocked, which a program would inherit.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    let newSession: Int16 = 0x80  // POSIX_SPAWN_SETSID, which Swift doesn't see
    posix_spawnattr_setflags(&attributes, newSession | Int16(POSIX_SPAWN_SETSIGMASK))
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/pts/\(number)", O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    let words = (["env", "-C", directory.path, program] + arguments).map { strdup($0) } + [nil]
    let variables = ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var process: Int32 = 0
    let failure = posix_spawnp(&process, "env", &actions, &attributes, words, variables)
    guard failure == 0 else { throw Failure(description: "\(program) doesn't start") }
    self.process = process
  }

  deinit { close(terminal) }

  /// Waits until the program has printed this, after what was expected before.
  func expect(_ text: String) throws {
    while true {
      let printed = String(decoding: output[seen...], as: UTF8.self)
      if printed.contains(text) {
        seen = output.count
        return
      }
      guard try readMore() else { throw Failure(description: "\"\(text)\" didn't come, but: \(printed)") }
    }
  }

  func type(_ text: String) throws {
    let bytes = Array(text.utf8)
    guard write(terminal, bytes, bytes.count) == bytes.count else { throw Failure(description: "can't type") }
  }

  /// Waits for the program's end: its exit status, and all that it printed.
  func end() throws -> (status: Int32, output: String) {
    while try readMore() {}
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return (status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f), String(decoding: output, as: UTF8.self))
  }

  /// False when nobody has the terminal open any more.
  private func readMore() throws -> Bool {
    var wanted = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
    guard poll(&wanted, 1, Int32(patience * 1000)) == 1 else { throw Failure(description: "program hangs") }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(terminal, &buffer, buffer.count)
    guard count > 0 else { return false }
    output += buffer[..<count]
    return true
  }
}
