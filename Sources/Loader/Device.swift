import CBOR
import CHusk
import CLinux
import DeviceStore
import ErrorClass
import Protections
import SecureWorld

/// A session with the decryptor: what `husk_device` stands for.
final class Device {
  let log: Log
  private let channel: Channel
  private let ownsSocket: Bool
  private let lock = Lock()
  private var lastID: UInt64 = 0

  /// How long an answer may take: the decryptor's own deadline, and some.
  private static let patience = SecureWorldProtocol.deadline + 10_000

  /// - Parameter socket: stays the caller's.
  init(socket: Int32, log: Log) throws(ErrorClass) {
    self.log = log
    channel = Channel(socket: socket)
    ownsSocket = false
    try greet()
  }

  /// - Parameter path: of the socket at which the decryptor serves.
  init(path: UnsafePointer<CChar>, log: Log) throws(ErrorClass) {
    let socket = linux_connect(path, Int32(Self.patience / 1000))
    guard socket >= 0 else {
      let reason = linux_errno()
      log.error(path, strerror(reason))
      throw Self.classOfConnecting(reason)
    }
    self.log = log
    channel = Channel(socket: socket)
    ownsSocket = true
    try greet()
  }

  deinit { if ownsSocket { close(channel.socket) } }

  func identity() throws(ErrorClass) -> [UInt8] {
    guard case .identity(let bytes) = try request(.identity).result else { throw .protocol }
    return bytes
  }

  /// What the decryptor found of its own protections.
  func protections() throws(ErrorClass) -> [ProtectionFact] {
    guard case .protections(let facts) = try request(.protections).result else { throw .protocol }
    return facts
  }

  /// Shows the decryptor a status list; the descriptor stays the caller's.
  func showStatusList(_ file: Int32) throws(ErrorClass) {
    guard case .statusList = try request(.statusList, descriptors: [file]).result else { throw .protocol }
  }

  /// Says that this boot is healthy.
  func confirm() throws(ErrorClass) {
    guard case .done = try request(.confirm).result else { throw .protocol }
  }

  /// Has what is staged put on trial.
  func tryStaged() throws(ErrorClass) {
    guard case .done = try request(.tryStaged).result else { throw .protocol }
  }

  /// Loads a module; the descriptors stay the caller's.
  func load(
    package: Int32, grant: Int32, _ options: husk_load_options, trial: ModuleStore<POSIXStorage>.Trial? = nil
  ) throws(ErrorClass) -> Module {
    let wishes = Request.Wishes(progress: options.progress != nil, onTrial: trial != nil)
    var answer = try request(.load, descriptors: [package, grant], wishes, options)
    guard case .loaded(let notes) = answer.result else { throw .protocol }
    return try Module(
      ReceivedModule(notes, file: answer.message.takeDescriptor(0)), allowedSoname: options.allow_soname, trial: trial,
      log: log)
  }
}

extension Device: FileChecker {
  func check(_ file: Int32, segments: Range<UInt64>) throws(ErrorClass) -> CheckedFile {
    let answer = try request(.check, descriptors: [file], Request.Wishes(segments: segments))
    guard case .checked(let checked) = answer.result else { throw .protocol }
    return checked
  }

  /// Checks a file to its end, piece by piece, so that none takes too long.
  func checkWhole(
    _ file: Int32, _ progress: (UInt64, UInt64) throws(ErrorClass) -> Void
  ) throws(ErrorClass) -> CheckedFile {
    let checked = try check(file, segments: 0..<0)
    let count = checked.segments
    var next: UInt64 = 0
    while next < count {
      let end = min(next + max(16_777_216 / checked.segment, 1), count)
      _ = try check(file, segments: next..<end)
      next = end
      try progress(checked.payloadOffset + checked.end(of: next), checked.payloadOffset + checked.payloadSize)
    }
    return checked
  }

  func show(statusList file: Int32) throws(ErrorClass) { try showStatusList(file) }
}

extension Device {
  private struct Answer: ~Copyable {
    let result: Reply.Result
    var message: Message
  }

  private func greet() throws(ErrorClass) {
    guard case .hello(let version) = try request(.hello).result else { throw .protocol }
    guard version == SecureWorldProtocol.version else { throw .unsupportedVersion }
  }

  /// Sends a request and waits for its reply; throws the class that the decryptor refused it with.
  private func request(
    _ operation: Operation, descriptors: [Int32] = [], _ wishes: Request.Wishes = Request.Wishes(),
    _ options: husk_load_options = husk_load_options()
  ) throws(ErrorClass) -> Answer {
    lock.lock()
    defer { lock.unlock() }
    lastID += 1
    try send(Request(id: lastID, operation: operation, wishes), descriptors)
    while true {
      let message = try receive()
      switch try answer(message.bytes, to: operation) {
      case nil: continue
      case .progress(let progress): try options.report(done: progress.done, total: progress.total)
      case .reply(let reply):
        if case .failed(let errorClass) = reply.result { throw errorClass }
        // Once more (SPEC 15.4): what answers another request may be another module.
        guard reply.id == lastID else { throw .protocol }
        return Answer(result: reply.result, message: message)
      }
    }
  }

  /// Parses what came after the last request; nil if it belongs to an earlier one, which nobody waits for any more.
  private func answer(_ message: [UInt8], to operation: Operation) throws(ErrorClass) -> DecryptorMessage? {
    do throws(CBORError) {
      var reader = CBORReader(message)
      _ = try reader.readArrayHeader()
      _ = try reader.readUnsigned()
      guard try reader.readUnsigned() == lastID else { return nil }
      return try DecryptorMessage(parsing: message[...], to: operation)
    } catch {
      throw .protocol
    }
  }

  private func send(_ request: Request, _ descriptors: [Int32]) throws(ErrorClass) {
    do throws(Channel.Failure) {
      try channel.send(request.encoded(), descriptors: descriptors)
    } catch {
      // A descriptor that can't be passed, or be a socket, is the caller's mistake, not the decryptor's absence.
      let reason = linux_errno()
      log.error("a request to the decryptor", strerror(reason))
      throw reason == EBADF || reason == ENOTSOCK ? .invalidArgument : .noDecryptor
    }
  }

  private func receive() throws(ErrorClass) -> Message {
    guard linux_wait_readable(channel.socket, Self.patience) == 1 else { throw .noDecryptor }
    do throws(Channel.Failure) {
      return try channel.receive()
    } catch {
      throw error == .disconnected ? .noDecryptor : .protocol
    }
  }

  private static func classOfConnecting(_ reason: Int32) -> ErrorClass {
    switch reason {
    case ENOENT, ENOTDIR: .notFound
    case ENOTSOCK, EPROTOTYPE: .invalidArgument
    case ECONNREFUSED, EAGAIN: .noDecryptor
    default: .io
    }
  }
}
