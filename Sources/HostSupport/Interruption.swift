import CHost

/// How long work ends where it can go on later, when somebody presses Ctrl-C.
public enum Interruption {
  /// Runs work that looks at ``isRequested`` now and then. Meanwhile the first SIGINT, SIGTERM or SIGHUP does nothing
  /// else; a second one ends the process.
  public static func held<Value>(during work: () throws -> Value) rethrows -> Value {
    host_hold_signals(true)
    defer { host_hold_signals(false) }
    return try work()
  }

  /// Whether there was such a signal.
  public static var isRequested: Bool { host_held_signal() != 0 }
}
