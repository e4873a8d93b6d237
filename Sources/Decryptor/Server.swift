import BootChain
import CLinux
import ErrorClass
import HuskFormat
import Protections
import SecureWorld

/// Answers the requests of one client, which is treated as hostile (SPEC 8), until it goes away.
///
/// Requests are received and worked on by ``Worker`` processes; here is only what decides and remembers.
struct Server: ~Copyable {
  private let channel: Channel
  private let keys: DeviceKeys
  private let protections: [ProtectionFact]
  private let anchors: TrustAnchors
  private let hasTrustedClock: Bool
  private var session: Session

  /// How long to wait, in milliseconds, before trying again to start a worker.
  private static let patience: Int32 = 50

  /// - Parameter protections: what was found of the decryptor's own when its sandbox closed.
  init(socket: Int32, keys: consuming DeviceKeys, state: BootState, protections: [ProtectionFact]) {
    channel = Channel(socket: socket)
    self.keys = keys
    self.protections = protections
    anchors = state.bootRoots
    hasTrustedClock = state.hasTrustedClock
    session = Session(time: state.time)
  }

  mutating func run() {
    while linux_wait_readable(channel.socket, -1) == 1 {
      switch work() {
      case .disconnected: return
      // A client that uses up all processes holds up its own requests, and not for longer than it does so.
      case .busy: linux_pause(Self.patience)
      case .failed(let id, let errorClass): reply(id, .failed(errorClass))
      case .reported(let report, let file):
        if case .finished(let id, let result) = report { finish(id, result, file: file) }
        if file >= 0 { close(file) }
      }
      reapWorkers()
    }
  }

  /// Decides about what a worker found. The worker decided the same from the same state, but it isn't the last word on
  /// its own work.
  private mutating func finish(_ id: UInt64, _ result: WorkerReport.Result, file: Int32) {
    switch result {
    case .failed(let errorClass): reply(id, .failed(errorClass))
    case .hello: reply(id, .hello(version: SecureWorldProtocol.version))
    case .identity: reply(id, .identity(keys.identity))
    case .protections: reply(id, .protections(protections))
    case .released(let module, let scope, let time):
      guard file >= 0, linux_is_sealed(file) == 1, let name = Name(module.name), scope.covers(name) else {
        return reply(id, .failed(.internal))
      }
      guard session.allows(scope) else { return reply(id, .failed(.scopeConflict)) }
      guard module.sequence >= session.highestSequence(of: name) else { return reply(id, .failed(.rollback)) }
      session.record(name, scope: scope, sequence: module.sequence, time: time)
      reply(id, .loaded(module), file: file)
    }
  }

  /// Has a worker receive and work on one request.
  private borrowing func work() -> Worker.Outcome {
    let clock = hasTrustedClock ? UInt64(clamping: linux_realtime_seconds()) : nil
    let time = TimeBasis(lowerBound: session.time, trustedClock: clock)
    return Worker.run { parent in
      do throws(Channel.Failure) {
        try RequestHandler(client: channel, parent: parent, anchors: anchors, time: time, session: session)
          .handle(keys)
      } catch {
        // The parent sees that no result came.
      }
    }
  }

  /// Sends a reply. A client that doesn't take it loses it: it must not be able to hold up the decryptor.
  private borrowing func reply(_ id: UInt64, _ result: Reply.Result, file: Int32 = -1) {
    do throws(Channel.Failure) {
      try channel.send(Reply(id: id, result: result).encoded(), descriptors: file >= 0 ? [file] : [], waits: false)
    } catch {
      // Lost, as said.
    }
  }

  private borrowing func reapWorkers() {
    while linux_wait_now(-1) >= 0 {}
  }
}
