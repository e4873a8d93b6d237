import CLinux
import ErrorClass
import SecureWorld

/// Runs one request in a process of its own, with a deadline (SPEC 8).
///
/// A descriptor from the client can block for ever, in reading and even in closing, and whatever a hostile message or file
/// does to the process that parses it ends with that process.
enum Worker {
  /// What became of a worker.
  enum Outcome {
    /// It reported; the descriptor is -1 if there is none, else the caller closes it.
    case reported(WorkerReport, Int32)
    /// The client closed its end.
    case disconnected
    /// There is no process or descriptor to be had for a worker now; the request is still unread.
    case busy
    /// It ended or was ended without a result; the id is 0 if it didn't get as far as parsing it.
    case failed(id: UInt64, ErrorClass)
  }

  /// - Parameter work: what the worker does; it runs in the new process and reports through the channel.
  static func run(_ work: (Channel) -> Void) -> Outcome {
    var near: Int32 = -1
    var far: Int32 = -1
    guard linux_socket_pair(&near, &far) == 0 else { return .busy }
    defer { close(near) }
    let parent = getpid()
    let process = linux_fork()
    if process == 0 {
      close(near)
      // Locks on memory aren't inherited. As in the parent, they go as far as the limit allows.
      _ = linux_lock_all_memory()
      if linux_die_with_parent(parent) == 0 { work(Channel(socket: far)) }
      _exit(0)
    }
    close(far)
    guard process > 0 else { return .busy }
    let outcome = collect(Channel(socket: near))
    // Nothing that it could still do matters any more. The caller collects it; one that the kernel can't end yet is left.
    kill(process, SIGKILL)
    return outcome
  }

  private static func collect(_ channel: Channel) -> Outcome {
    let end = linux_monotonic_milliseconds() + SecureWorldProtocol.deadline
    var id: UInt64 = 0
    while true {
      guard linux_wait_readable(channel.socket, max(end - linux_monotonic_milliseconds(), 0)) == 1 else {
        return .failed(id: id, .deadlineExceeded)
      }
      do throws(Channel.Failure) {
        var message = try channel.receive()
        guard let report = WorkerReport(message.bytes) else { return .failed(id: id, .internal) }
        switch report {
        case .started(let started): id = started
        case .disconnected: return .disconnected
        case .finished: return .reported(report, message.takeDescriptor(0))
        }
      } catch {
        // The worker died without a word.
        return .failed(id: id, .internal)
      }
    }
  }
}
