import Foundation

/// How a child process ended.
public enum ChildExit: Equatable, Sendable {
  case status(Int32)
  case signal(Int32)
}

/// Runs `body` in a forked copy of this process and says how the copy ended: with the status that `body` returns, or
/// by a signal.
///
/// Only the calling thread exists in the child, so `body` must stay away from everything that another thread may have
/// locked at that moment: no I/O, no Foundation, and only generic code that the parent ran before.
public func inForkedChild(_ body: () -> Int32) -> ChildExit {
  // Swift hides fork because of exactly that.
  typealias Fork = @convention(c) () -> pid_t
  let fork = unsafeBitCast(dlsym(nil, "fork"), to: Fork.self)
  let child = fork()
  precondition(child >= 0, "fork failed: \(errno)")
  if child == 0 { _exit(body()) }
  var status: Int32 = 0
  while waitpid(child, &status, 0) < 0 { precondition(errno == EINTR, "waitpid failed: \(errno)") }
  let signal = status & 0x7f
  return signal == 0 ? .status(status >> 8 & 0xff) : .signal(signal)
}
