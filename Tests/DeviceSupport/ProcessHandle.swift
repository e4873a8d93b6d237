import Foundation

/// A process that can be watched without taking its status from whoever waits for it, and without mistaking another for
/// it that got its number later (pidfd_open(2)).
public final class ProcessHandle: Sendable {
  public let id: Int32
  private let descriptor: Int32

  /// Nil if there is no such process.
  public init?(_ id: Int32) {
    // Swift doesn't see this function of glibc's.
    typealias Open = @convention(c) (Int32, UInt32) -> Int32
    let open = unsafeBitCast(dlsym(nil, "pidfd_open"), to: Open.self)
    descriptor = open(id, 0)
    guard descriptor >= 0 else { return nil }
    self.id = id
  }

  deinit { close(descriptor) }

  /// Waits until the process has ended; false if it hasn't within the seconds.
  public func waitForEnd(seconds: Int = patience) -> Bool {
    waitReadable(descriptor, seconds: seconds)
  }
}

/// How long anything may take before a test calls it a hang, in seconds. No test waits for this to pass.
public let patience = 60

/// Waits until a descriptor is readable; false if it isn't within the seconds.
func waitReadable(_ descriptor: Int32, seconds: Int) -> Bool {
  let end = Date(timeIntervalSinceNow: TimeInterval(seconds))
  while true {
    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let ready = poll(&wanted, 1, Int32(max(0, end.timeIntervalSinceNow * 1000)))
    if ready >= 0 { return ready > 0 }
    guard errno == EINTR else { return false }
  }
}

/// The processes whose parent is the process `parent`, in the order of their numbers.
public func childProcesses(of parent: Int32) throws -> [Int32] {
  try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { id in
    // The parent stands behind the program's name, which is in parentheses and may hold anything, and the state.
    guard let status = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
      let name = status.lastIndex(of: ")")
    else { return false }  // it ended meanwhile
    let fields = status[name...].split(separator: " ")
    return fields.count > 2 && Int32(fields[2]) == parent
  }.sorted()
}

/// The user that a process runs as.
public func user(of process: Int32) throws -> UInt32? {
  let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
  guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Uid:") }) else { return nil }
  return line.split(separator: "\t").dropFirst().first.flatMap { UInt32($0) }
}

/// How many descriptors a process holds.
public func descriptorCount(of process: Int32) throws -> Int {
  try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
}
