import CLinux
import DICE
public import DeviceStore
public import ErrorClass
import HuskFormat
import SecretBytes

/// The provider's side of SPEC 7.6: gives the decryptor its secrets, once, and answers for counter, clock and updates.
///
/// It never waits for the decryptor to take an answer, and goes on without it when it has ended.
public struct ProviderServer: ~Copyable {
  /// -1 once the decryptor has hung up.
  private var socket: Int32
  /// Nil once the decryptor has it.
  private var handoff: Handoff?
  private let hasTrustedClock: Bool
  private let counter: MonotonicCounter<POSIXStorage>
  /// Nil where updates are no business of this provider's.
  var updates: UpdateDesk?

  /// - Parameter socket: connected to the decryptor; this owns it from now on.
  public init(socket: Int32, handoff: consuming Handoff, counter: consuming MonotonicCounter<POSIXStorage>) {
    self.init(socket: socket, handoff: handoff, counter: counter, updates: nil)
  }

  init(
    socket: Int32, handoff: consuming Handoff, counter: consuming MonotonicCounter<POSIXStorage>, updates: UpdateDesk?
  ) {
    self.socket = socket
    self.updates = updates
    hasTrustedClock = handoff.notes.state.hasTrustedClock
    self.handoff = consume handoff
    self.counter = counter
  }

  deinit {
    if socket >= 0 { close(socket) }
  }

  /// Answers until the secrets are given and wiped, there is no decryptor any more that could ask for them, or a trial has
  /// had its time.
  public mutating func giveSecrets() {
    while handoff != nil, socket >= 0, !isTimeUp {
      switch linux_wait_readable(socket, updates?.patience ?? -1) {
      case 0: break
      case 1: answer()
      default: hangUp()
      }
    }
  }

  /// Answers until a process has ended, which may be another than the decryptor, or a trial has had its time. The process
  /// is left to be collected.
  public mutating func serve(until process: Int32) throws(ErrorClass) {
    let handle = linux_process_handle(process)
    guard handle >= 0 else { throw .internal }
    defer { close(handle) }
    while !isTimeUp {
      // A negative descriptor is passed over.
      var wanted = [
        pollfd(fd: handle, events: Int16(POLLIN), revents: 0), pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
      ]
      guard linux_poll(&wanted, wanted.count, updates?.patience ?? -1) >= 0 else { throw .internal }
      if wanted[0].revents != 0 { return }
      if wanted[1].revents != 0 { answer() }
    }
  }
}

extension ProviderServer {
  /// Whether a trial should have been confirmed by now.
  var isTimeUp: Bool { updates?.isTimeUp ?? false }

  /// What a process that is no provider must not hold.
  var descriptors: [Int32] { [socket, counter.file.handle] }

  private mutating func hangUp() {
    close(socket)
    socket = -1
    handoff = nil
  }

  /// Receives one request and answers it.
  private mutating func answer() {
    var received = 0
    let message = [UInt8](unsafeUninitializedCapacity: ProviderRequest.maximumSize) { buffer, used in
      var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
      received = linux_receive_parts(socket, &part, 1)
      used = max(received, 0)
    }
    if received < 0, linux_errno() != EMSGSIZE { return hangUp() }
    // An empty message and a closed socket look alike.
    if received == 0, linux_is_closed(socket) != 0 { return hangUp() }
    do throws(ProviderRequest.Refusal) {
      let request = try ProviderRequest(parsing: message[...])
      if request.operation == .secrets { sendSecrets(request.id) } else { reply(request.id, result(request.operation)) }
    } catch {
      reply(error.id, .failed(.malformed))
    }
  }

  private mutating func result(_ operation: ProviderOperation) -> ProviderReply.Result {
    do throws(ErrorClass) {
      switch operation {
      case .secrets: return .failed(.notFound)
      case .readCounter: return .value(try counter.value())
      case .incrementCounter: return .value(try counter.increment())
      case .time: return hasTrustedClock ? .value(UInt64(clamping: linux_realtime_seconds())) : .nothing
      case .confirm: try updates?.confirm()
      case .tryStaged: try updates?.tryStaged()
      }
      return updates == nil ? .failed(.notFound) : .nothing
    } catch {
      return .failed(error)
    }
  }

  private borrowing func reply(_ id: UInt64, _ result: ProviderReply.Result) {
    var bytes = ProviderReply(id: id, result: result).encoded()
    let count = bytes.count
    bytes.withUnsafeMutableBytes { bytes in
      var part = iovec(iov_base: bytes.baseAddress, iov_len: count)
      // A decryptor that has hung up needs no answer.
      _ = linux_send_parts(socket, &part, 1)
    }
  }

  /// The secrets go from protected memory into the kernel's, and are wiped with the handoff, whatever came of it.
  private mutating func sendSecrets(_ id: UInt64) {
    guard let handoff = handoff.take() else { return reply(id, .failed(.notFound)) }
    var notes = handoff.notes.encoded()
    guard notes.count + 2 * DICE.secretSize <= Limits.handoff else { return reply(id, .failed(.limitExceeded)) }
    notes.withUnsafeMutableBytes { notes in
      handoff.secrets.attest.withBytes { attest in
        handoff.secrets.seal.withBytes { seal in
          attest.withUnsafeBytes { attest in
            seal.withUnsafeBytes { seal in
              let parts = [
                iovec(iov_base: UnsafeMutableRawPointer(mutating: attest.baseAddress), iov_len: attest.count),
                iovec(iov_base: UnsafeMutableRawPointer(mutating: seal.baseAddress), iov_len: seal.count),
                iovec(iov_base: notes.baseAddress, iov_len: notes.count),
              ]
              _ = linux_send_parts(socket, parts, parts.count)
            }
          }
        }
      }
    }
  }
}
