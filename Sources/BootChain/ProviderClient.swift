import CBOR
import CLinux
import DICE
public import ErrorClass
import HuskFormat
import SecretBytes

/// The decryptor's side of SPEC 7.6.
public struct ProviderClient: ~Copyable {
  /// Connected to the secret provider. It stays the caller's.
  public let socket: Int32
  private var lastID: UInt64 = 0

  /// How long an answer may take, in milliseconds.
  public static let patience: Int64 = 5_000
  /// The same for an update that is to be copied.
  public static let patienceToTry: Int64 = 25_000

  public init(socket: Int32) {
    self.socket = socket
  }

  /// Asks for the secrets, which are received straight into protected memory.
  public mutating func secrets() throws(ErrorClass) -> Handoff {
    try send(.secrets)
    guard linux_wait_readable(socket, Self.patience) == 1 else { throw .internal }
    var attest = try makeSecret()
    var seal = try makeSecret()
    var notes = [UInt8](repeating: 0, count: Limits.handoff - 2 * DICE.secretSize)
    let received = try attest.withMutableBytes { (attest) throws(ErrorClass) in
      try seal.withMutableBytes { (seal) throws(ErrorClass) in
        notes.withUnsafeMutableBytes { notes in
          let parts = [
            iovec(iov_base: attest.baseAddress, iov_len: attest.count),
            iovec(iov_base: seal.baseAddress, iov_len: seal.count),
            iovec(iov_base: notes.baseAddress, iov_len: notes.count),
          ]
          return linux_receive_parts(socket, parts, parts.count)
        }
      }
    }
    notes.removeSubrange(max(received - 2 * DICE.secretSize, 0)...)
    guard received >= 0 else { throw linux_errno() == EMSGSIZE ? .limitExceeded : .internal }
    // So short a message holds no secret: it says why there are none.
    if received <= ProviderReply.maximumSize { throw try refusal(attest, count: received) }
    guard received > 2 * DICE.secretSize else { throw .malformed }
    return Handoff(secrets: DICE.Secrets(attest: attest, seal: seal), notes: try HandoffNotes(notes))
  }

  /// Reads the monotonic counter.
  public mutating func counter() throws(ErrorClass) -> UInt64 {
    guard let value = try ask(.readCounter).value() else { throw .internal }
    return value
  }

  /// Adds one to the monotonic counter; returns the new value, which is durable by then.
  public mutating func incrementCounter() throws(ErrorClass) -> UInt64 {
    guard let value = try ask(.incrementCounter).value() else { throw .internal }
    return value
  }

  /// What the provider says of the platform's trusted clock: its value is in seconds since 1970, nil if there is none.
  public mutating func time() throws(ErrorClass) -> ProviderAnswer {
    try ask(.time)
  }

  /// Says that this boot is healthy.
  public mutating func confirm() throws(ErrorClass) {
    _ = try ask(.confirm).value()
  }

  /// Has what is staged put on trial.
  public mutating func tryStaged() throws(ErrorClass) {
    _ = try ask(.tryStaged, patience: Self.patienceToTry).value()
  }
}

extension ProviderClient {
  private mutating func send(_ operation: ProviderOperation) throws(ErrorClass) {
    lastID += 1
    var bytes = ProviderRequest(id: lastID, operation: operation).encoded()
    let isSent = bytes.withUnsafeMutableBytes { bytes in
      var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
      return linux_send_parts(socket, &part, 1) == 0
    }
    guard isSent else { throw .internal }
  }

  /// Asks and waits for the answer.
  private mutating func ask(
    _ operation: ProviderOperation, patience: Int64 = Self.patience
  ) throws(ErrorClass) -> ProviderAnswer {
    try send(operation)
    let end = linux_monotonic_milliseconds() + patience
    while true {
      guard linux_wait_readable(socket, max(end - linux_monotonic_milliseconds(), 0)) == 1 else { throw .internal }
      let answer = ProviderAnswer(request: lastID, message: receive())
      // One that came too late for an earlier request is nobody's.
      if try answer.reply().id == lastID { return answer }
    }
  }

  private func receive() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ProviderReply.maximumSize) { buffer, used in
      var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
      used = max(linux_receive_parts(socket, &part, 1), 0)
    }
  }

  /// The class with which the provider refused the secrets, from the message in the first buffer.
  private func refusal(_ buffer: borrowing SecretBytes, count: Int) throws(ErrorClass) -> ErrorClass {
    if count == 0 { return .internal }
    let message = buffer.withBytes { $0.extracting(0..<count).withUnsafeBytes { Array($0) } }
    do throws(CBORError) {
      guard case .failed(let errorClass) = try ProviderReply(parsing: message[...]).result else { return .malformed }
      return errorClass
    } catch {
      return .malformed
    }
  }

  private func makeSecret() throws(ErrorClass) -> SecretBytes {
    do throws(SecretBytesError) {
      return try SecretBytes(count: DICE.secretSize)
    } catch {
      throw .outOfMemory
    }
  }
}
