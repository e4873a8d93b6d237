import CLinux
import ErrorClass
import SecureWorld

/// A process that works on one request, with a deadline (SPEC 8).
///
/// A descriptor from the client can block for ever, in reading and even in closing, and whatever a hostile message or file
/// does to the process that parses it ends with that process.
struct Worker {
  let process: pid_t
  /// To the worker.
  let channel: Channel
  /// CLOCK_MONOTONIC, milliseconds.
  let deadline: Int64
  /// The id of the request; nil as long as the worker hasn't got as far as parsing it.
  private var request: UInt64?

  /// What a worker has come to.
  enum Outcome {
    /// It reported a result; the descriptor is -1 if there is none, else the caller closes it.
    case finished(id: UInt64, WorkerReport.Result, file: Int32)
    /// The client closed its end.
    case disconnected
  }

  /// Forks a worker.
  ///
  /// - Parameters:
  ///   - descriptors: what it must not hold.
  ///   - work: what it does, in the new process; it reports through the channel.
  /// - Returns: nil if there is no process or descriptor to be had.
  static func start(closing descriptors: [Int32], now: Int64, _ work: (Channel) -> Void) -> Worker? {
    var near: Int32 = -1
    var far: Int32 = -1
    guard linux_socket_pair(&near, &far) == 0 else { return nil }
    let parent = getpid()
    let process = linux_fork()
    if process == 0 {
      close(near)
      for descriptor in descriptors { close(descriptor) }
      // Locks on memory aren't inherited. As in the parent, they go as far as the limit allows.
      _ = linux_lock_all_memory()
      if linux_die_with_parent(parent) == 0 { work(Channel(socket: far)) }
      _exit(0)
    }
    close(far)
    guard process > 0 else {
      close(near)
      return nil
    }
    return Worker(
      process: process, channel: Channel(socket: near), deadline: now + SecureWorldProtocol.deadline, request: nil)
  }

  /// Hears what the worker says, which must be there already. Nil if there is more to come.
  mutating func hear() -> Outcome? {
    do throws(Channel.Failure) {
      var message = try channel.receive()
      switch WorkerReport(message.bytes) {
      case .started(let id) where request == nil:
        request = id
        return nil
      case .disconnected: return .disconnected
      case .finished(let id, let result): return .finished(id: id, result, file: message.takeDescriptor(0))
      case .started, nil: return failure(.internal)
      }
    } catch {
      // It died without a word.
      return failure(.internal)
    }
  }

  /// What is answered if the worker doesn't finish.
  func failure(_ errorClass: ErrorClass) -> Outcome {
    .finished(id: request ?? 0, .failed(errorClass), file: -1)
  }

  /// Ends it: nothing that it could still do matters any more. The caller collects the process, which until then keeps its
  /// number; one that the kernel can't end yet is left.
  func end() {
    close(channel.socket)
    kill(process, SIGKILL)
  }
}
