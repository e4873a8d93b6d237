import CLinux
import SecureWorld

/// A client's connection, and what is being done for it (SPEC 8).
struct Client {
  let channel: Channel
  /// Whose vendor scope counts: the user that connected, or 0 for the one client of a connected socket.
  let user: UInt32
  var state = State.idle

  enum State {
    /// Waits for a request.
    case idle
    /// There is a request, but it isn't worked on before this time (CLOCK_MONOTONIC, milliseconds).
    case postponed(until: Int64)
    case working(Worker)
    /// To be forgotten; the descriptors are closed.
    case gone
  }

  /// How long to wait, in milliseconds, before trying again to get what the system is short of.
  static let pause: Int64 = 50

  /// How long to wait, in milliseconds, before looking again whether the client has taken what it was sent.
  static let patience: Int64 = 10

  /// Whether the client has taken all that it was sent. A descriptor under way counts for its sender's user, and there is a
  /// limit to those: whoever asks for modules and doesn't take them would keep them from all other clients.
  var hasTakenAll: Bool { linux_untaken(channel.socket) == 0 }

  /// What poll(2) shall tell of the client's socket. A client that waits for an answer isn't listened to.
  var wanted: Int16 {
    if case .idle = state { return Int16(POLLIN) | hangUp }
    return hangUp
  }

  /// The socket to the worker; -1 if there is none.
  var workerSocket: Int32 {
    if case .working(let worker) = state { return worker.channel.socket }
    return -1
  }

  /// When something is to be done even if nothing happens; nil if nothing is.
  var wakeUp: Int64? {
    switch state {
    case .idle, .gone: nil
    case .postponed(let time): time
    case .working(let worker): worker.deadline
    }
  }

  var isGone: Bool {
    if case .gone = state { return true }
    return false
  }

  /// Whether what poll(2) tells of a socket means that its other end, or half of it, is closed.
  static func hasHungUp(_ events: Int16) -> Bool {
    events & (Int16(POLLHUP | POLLERR | POLLNVAL) | hangUp) != 0
  }
}

/// The event of poll(2) that a socket's other end, or half of it, is closed.
let hangUp = Int16(LINUX_POLL_HANG_UP)
