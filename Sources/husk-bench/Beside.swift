import CBaseline
import Glibc
import HostSupport

/// Runs a command, and prints in lines what it took, beside what libcrypto alone takes for its operations at the same
/// time: on a machine that others use too, processor time stretches, and only what was measured together compares.
///
/// A sample of the operations is taken every second, of some milliseconds: little enough not to slow the command down.
func runBeside(_ command: [String]) throws {
  let start = seconds(CLOCK_MONOTONIC)
  let child = try spawn(command)
  var samples = Samples()
  var (status, usage) = (Int32(0), rusage())
  while true {
    samples.take()
    let found = wait4(child, &status, WNOHANG, &usage)
    if found == child { break }
    guard found == 0 else { throw FileError(path: command[0], errno: errno) }
    usleep(1_000_000)
  }
  let end = seconds(CLOCK_MONOTONIC)
  print("wall", end - start)
  print("processor", Double(usage.ru_utime) + Double(usage.ru_stime))
  print("memory", usage.ru_maxrss)
  samples.printMeans()
  // What a shell would say.
  if status & 0x7f != 0 { exit(128 + (status & 0x7f)) }
  exit(status >> 8)
}

private struct Samples {
  private var count = 0
  private var sums: [(name: String, seconds: Double)] = [
    ("x25519-keygen", 0), ("x25519", 0), ("ed25519-sign", 0), ("ed25519-verify", 0),
  ]

  private static let size = 40

  mutating func take() {
    count += 1
    sums[0].seconds += baseline_x25519_keygen(Self.size)
    sums[1].seconds += baseline_x25519_derive(Self.size)
    sums[2].seconds += baseline_ed25519_sign(Self.size, 330)
    sums[3].seconds += baseline_ed25519_verify(Self.size, 330)
  }

  func printMeans() {
    for sum in sums { print(sum.name, sum.seconds / Double(count)) }
  }
}

/// Starts a command whose standard output goes nowhere.
private func spawn(_ command: [String]) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
  var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
  defer { for argument in arguments { free(argument) } }
  arguments.append(nil)
  var child: pid_t = 0
  let result = posix_spawnp(&child, command[0], &actions, nil, arguments, [nil])
  guard result == 0 else { throw FileError(path: command[0], errno: result) }
  return child
}

extension Double {
  fileprivate init(_ time: timeval) {
    self = Double(time.tv_sec) + Double(time.tv_usec) * 1e-6
  }
}
