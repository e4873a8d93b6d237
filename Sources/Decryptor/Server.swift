import BootChain
import CLinux
import ErrorClass
import HuskFormat
import SecureWorld

/// Answers the requests of one client, which is treated as hostile (SPEC 8), until it goes away.
struct Server: ~Copyable {
  private let channel: Channel
  private let keys: DeviceKeys
  private let anchors: TrustAnchors
  private let hasTrustedClock: Bool
  private var session: Session

  init(socket: Int32, keys: consuming DeviceKeys, state: BootState) {
    channel = Channel(socket: socket)
    self.keys = keys
    anchors = state.bootRoots
    hasTrustedClock = state.hasTrustedClock
    session = Session(time: state.time)
  }

  mutating func run() {
    while true {
      do throws(Channel.Failure) {
        var message = try channel.receive()
        try answer(&message)
      } catch {
        switch error {
        case .oversized: reply(0, .failed(.malformed))
        case .disconnected, .wouldBlock: return
        }
      }
      reapWorkers()
    }
  }

  private mutating func answer(_ message: inout Message) throws(Channel.Failure) {
    let request: Request
    do throws(Request.Refusal) {
      request = try Request(parsing: message.bytes[...], descriptorCount: message.descriptorCount)
    } catch {
      return reply(error.id, .failed(.malformed))
    }
    switch request.operation {
    case .hello: reply(request.id, .hello(version: SecureWorldProtocol.version))
    case .identity: reply(request.id, .identity(keys.identity))
    case .load:
      let package = message.takeDescriptor(0)
      let grant = message.takeDescriptor(1)
      load(request.id, package: package, grant: grant)
      close(package)
      close(grant)
    }
  }

  private mutating func load(_ id: UInt64, package: Int32, grant: Int32) {
    let (report, file) = work(package: package, grant: grant)
    defer { if file >= 0 { close(file) } }
    guard case .released(let module, let scope, let time) = report.outcome else {
      if case .failed(let errorClass) = report.outcome { reply(id, .failed(errorClass)) }
      return
    }
    // The worker decided the same from the same state; a worker isn't the last word on its own work.
    guard file >= 0, linux_is_sealed(file) == 1, let name = Name(module.name), scope.covers(name) else {
      return reply(id, .failed(.internal))
    }
    guard session.allows(scope) else { return reply(id, .failed(.scopeConflict)) }
    guard module.sequence >= session.highestSequence(of: name) else { return reply(id, .failed(.rollback)) }
    session.record(name, scope: scope, sequence: module.sequence, time: time)
    reply(id, .loaded(module), file: file)
  }

  /// Runs the load in a worker.
  private borrowing func work(package: Int32, grant: Int32) -> (WorkerReport, Int32) {
    let clock = hasTrustedClock ? UInt64(clamping: linux_realtime_seconds()) : nil
    let time = TimeBasis(lowerBound: session.time, trustedClock: clock)
    return Worker.run {
      do throws(ErrorClass) {
        let request = try LoadRequest(package: package, grant: grant)
        let result = try request.perform(keys, anchors: anchors, time: time, session: session)
        return (
          WorkerReport(.released(result.module, vendorScope: result.vendorScope, time: result.time)), result.file
        )
      } catch {
        return (WorkerReport(.failed(error)), -1)
      }
    }
  }

  /// Sends a reply. A client that doesn't take it loses it: it must not be able to hold up the decryptor.
  private borrowing func reply(_ id: UInt64, _ result: Reply.Result, file: Int32 = -1) {
    do throws(Channel.Failure) {
      try channel.send(Reply(id: id, result: result).encoded(), descriptors: file >= 0 ? [file] : [], waits: false)
    } catch {}
  }

  private borrowing func reapWorkers() {
    while linux_wait_now(-1) >= 0 {}
  }
}
