import CLinux
import ErrorClass
import Glibc
import HostSupport
public import Protections
import SecureWorld

extension DeviceDirectory {
  /// Seconds that a boot on trial usually has.
  public static let watchdog: UInt32 = 60

  /// Throws `needsRoot` unless this process may start a device; to be asked first, as only root sees the whole of one.
  public static func requireRoot() throws(SimulatorError) {
    guard geteuid() == 0 else { throw .needsRoot }
  }

  /// Throws `noExecutableMemoryFiles` where no stage could start: a ROM could say no more of it than `internal`.
  private static func requireExecutableMemoryFiles() throws(SimulatorError) {
    let file = linux_memory_file_executable("probe")
    guard file >= 0 || linux_errno() != EACCES else { throw .noExecutableMemoryFiles }
    if file >= 0 { close(file) }
  }

  /// Switches the device on: this process becomes the boot ROM. Returns only by throwing.
  ///
  /// - Parameters:
  ///   - watchdog: seconds that a boot on trial has to be confirmed.
  ///   - arguments: what the firmware finds behind its own name.
  public func boot(_ firmware: FirmwareUser, watchdog: UInt32, arguments: [String]) throws(SimulatorError) -> Never {
    try Self.requireRoot()
    try Self.requireExecutableMemoryFiles()
    try settleOwnership(firmware)
    let command = romCommand(service: "-", firmware, watchdog: watchdog) + arguments
    withCStrings(command) { arguments in
      withCStrings([]) { environment in _ = execve(rom, arguments, environment) }
    }
    throw .start(path: rom, linux_errno())
  }

  /// Boots the device without its firmware and asks for its identity.
  public func readIdentity() throws(SimulatorError) -> [UInt8] {
    guard case .identity(let bytes) = try ask(.identity) else { throw .badAnswer }
    return bytes
  }

  /// Boots the device without its firmware and asks what protects its decryptor.
  public func readProtections() throws(SimulatorError) -> [ProtectionFact] {
    guard case .protections(let facts) = try ask(.protections) else { throw .badAnswer }
    return facts
  }

  /// Boots the device with a service socket in the firmware's place (SPEC 7.3), asks one question and switches it off.
  private func ask(_ operation: SecureWorld.Operation) throws(SimulatorError) -> Reply.Result {
    try Self.requireRoot()
    try Self.requireExecutableMemoryFiles()
    var own: Int32 = -1
    var theirs: Int32 = -1
    guard linux_socket_pair(&own, &theirs) == 0 else { throw .start(path: rom, linux_errno()) }
    defer { close(own) }
    let process: pid_t
    do {
      defer { close(theirs) }
      process = try startROM(service: theirs)
    }
    let answer = converse(operation, own)
    // Without its client a device switches itself off; one that hangs is switched off.
    shutdown(own, Int32(SHUT_RDWR))
    if answer == .timedOut { kill(process, SIGKILL) }
    let status = linux_wait(process)
    switch answer {
    case .given(.failed(let errorClass)): throw .refused(errorClass)
    case .given(let result): return result
    case .garbled: throw .badAnswer
    case .timedOut: throw .noAnswer
    case .disconnected: throw .didNotBoot(status: status < 256 ? status : 128 + status - 256)
    }
  }

  private func romCommand(service: String, _ firmware: FirmwareUser, watchdog: UInt32) -> [String] {
    [
      "bootrom", fuses, counter, floors, flash, String(watchdog), service, String(firmware.user),
      String(firmware.group),
    ]
  }

  private func startROM(service: Int32) throws(SimulatorError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Onto itself: what makes the child inherit it.
    posix_spawn_file_actions_adddup2(&actions, service, service)
    var process: pid_t = 0
    let firmware = FirmwareUser.ofCaller
    try settleOwnership(firmware)
    // Without a firmware nothing is on trial.
    let command = romCommand(service: String(service), firmware, watchdog: Self.watchdog)
    let failure = withCStrings(command) { arguments in
      withCStrings([]) { environment in posix_spawn(&process, rom, &actions, nil, arguments, environment) }
    }
    guard failure == 0 else { throw .start(path: rom, failure) }
    return process
  }

  private enum Answer: Equatable {
    case given(Reply.Result)
    case garbled
    case timedOut
    case disconnected
  }

  private func converse(_ operation: SecureWorld.Operation, _ socket: Int32) -> Answer {
    let channel = Channel(socket: socket)
    do throws(Channel.Failure) {
      try channel.send(Request(id: 1, operation: operation).encoded())
      guard linux_wait_readable(socket, SecureWorldProtocol.deadline) == 1 else { return .timedOut }
      let message = try channel.receive()
      guard let reply = try? Reply(parsing: message.bytes[...], to: operation) else { return .garbled }
      return .given(reply.result)
    } catch {
      return .disconnected
    }
  }
}

/// Gives `body` an array of C strings that ends in nil, as `exec` takes it.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return body(pointers)
}
