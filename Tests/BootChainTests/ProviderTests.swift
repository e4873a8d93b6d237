import BootChain
import CLinux
import DICE
import DeviceStore
import ErrorClass
import Foundation
import FormatFixtures
import HuskFormat
import SecretBytes
import Synchronization
import Testing

/// SPEC 7.6: provider and decryptor, each against the other and against one that does as it pleases.
@Suite("The secret provider")
struct ProviderTests {
  private static let attest = bytes(named: "attest")
  private static let seal = bytes(named: "seal")

  private static func handoff(hasTrustedClock: Bool = false) throws -> Handoff {
    var state = try BootState.fixture()
    state.hasTrustedClock = hasTrustedClock
    let issuer = try DICE.signingKey(from: secret(attest))
    let certificate = try DICECertificate.issue(
      inputs: LayerFixture.inputs("decryptor", .bootDecryptor), subject: DICE.signingKey(from: secret(attest)),
      issuer: issuer)
    return Handoff(
      secrets: DICE.Secrets(attest: try secret(attest), seal: try secret(seal)),
      notes: HandoffNotes(
        state: state, certificates: [certificate], firmwareUser: 1, firmwareGroup: 2,
        boot: BootNotes(slot: .a)))
  }

  private static func pair() throws -> (Int32, Int32) {
    var near: Int32 = -1
    var far: Int32 = -1
    try #require(linux_socket_pair(&near, &far) == 0)
    return (near, far)
  }

  /// Runs a provider in a thread until its client hangs up, and gives `body` the client's end.
  private func withProvider(
    counter path: String? = nil, hasTrustedClock: Bool = false, _ body: (Int32) throws -> Void
  ) throws {
    let folder = try TemporaryFolder()
    try folder.write([], to: "counter")
    let (near, far) = try Self.pair()
    let process = waitingProcess()
    try #require(process > 0)
    let ended = DispatchSemaphore(value: 0)
    let path = path ?? folder.path("counter")
    let problem = Mutex<String?>(nil)
    let thread = Thread {
      do {
        var server = ProviderServer(
          socket: near, handoff: try Self.handoff(hasTrustedClock: hasTrustedClock),
          counter: try MonotonicCounter(path: path))
        try server.serve(until: process)
      } catch {
        problem.withLock { $0 = "\(error)" }
      }
      ended.signal()
    }
    thread.start()
    defer {
      kill(process, SIGKILL)
      ended.wait()
      _ = linux_wait(process)
    }
    do {
      defer { close(far) }
      try body(far)
    }
    #expect(problem.withLock { $0 } == nil)
  }

  /// A process that only waits to be killed.
  private func waitingProcess() -> pid_t {
    var process: pid_t = 0
    let words = (["sleep", "1000"] as [String]).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    return posix_spawnp(&process, "sleep", nil, nil, words, [nil]) == 0 ? process : -1
  }

  @Test("gives the secrets with the notes, once")
  func secrets() throws {
    try withProvider { (socket) throws in
      var client = ProviderClient(socket: socket)
      let handoff = try client.secrets()
      #expect(handoff.secrets.attest.bytes == Self.attest)
      #expect(handoff.secrets.seal.bytes == Self.seal)
      let expected = try Self.handoff()
      #expect(handoff.notes == expected.notes)
      for _ in 0..<2 {
        #expect(
          outcome { () throws(ErrorClass) in
            let again = try client.secrets()
            _ = again.notes.firmwareUser
          } == .notFound)
      }
      #expect(try client.counter() == 0)
    }
  }

  @Test("gives the secrets before anything else goes on, and stops when they are wiped or nobody wants them")
  func givingSecrets() throws {
    let folder = try TemporaryFolder()
    try folder.write([], to: "counter")
    for asks in [true, false] {
      let (near, far) = try Self.pair()
      var server = ProviderServer(
        socket: near, handoff: try Self.handoff(), counter: try MonotonicCounter(path: folder.path("counter")))
      // Both are in the socket's queue before the provider looks.
      try send(ProviderRequest(id: 1, operation: .readCounter).encoded(), far)
      if asks { try send(ProviderRequest(id: 2, operation: .secrets).encoded(), far) }
      shutdown(far, Int32(SHUT_WR))
      server.giveSecrets()
      #expect(try receive(far) == ProviderReply(id: 1, result: .value(0)).encoded())
      let answer = try receive(far)
      #expect(Array(answer.prefix(64)) == (asks ? Self.attest + Self.seal : []))
      close(far)
    }
  }

  @Test("counts, and each step is in the file when it is told")
  func counter() throws {
    let folder = try TemporaryFolder()
    try folder.write([1, 1], to: "counter")
    try withProvider(counter: folder.path("counter")) { (socket) throws in
      var client = ProviderClient(socket: socket)
      #expect(try client.counter() == 2)
      for expected in 3...10 {
        #expect(try client.incrementCounter() == UInt64(expected))
        #expect(try Data(contentsOf: folder.url.appending(path: "counter")).count == expected)
      }
      #expect(try client.counter() == 10)
      #expect(truncate(folder.path("counter"), Int(Limits.counter)) == 0)
      #expect(outcome { () throws(ErrorClass) in _ = try client.incrementCounter() } == .limitExceeded)
    }
  }

  @Test("tells the time of a trusted clock, and none if there is no such clock")
  func time() throws {
    try withProvider(hasTrustedClock: true) { (socket) throws in
      var client = ProviderClient(socket: socket)
      let before = UInt64(Date().timeIntervalSince1970)
      let time = try #require(try client.time().value())
      #expect(time >= before && time <= UInt64(Date().timeIntervalSince1970))
    }
    try withProvider { (socket) throws in
      var client = ProviderClient(socket: socket)
      #expect(try client.time().value() == nil)
    }
  }

  @Test("answers what isn't a request, and goes on")
  func malformedRequests() throws {
    try withProvider { (socket) throws in
      let malformed: [([UInt8], UInt64)] = [
        ([], 0), ([0x80], 0), ([0x83, 1, 7, 6], 7), ([0x83, 1, 7, 1, 0], 7), ([UInt8](repeating: 0x81, count: 32), 0),
        ([UInt8](repeating: 0, count: 33), 0), ([UInt8](repeating: 0, count: 100_000), 0),
      ]
      for (message, id) in malformed {
        try send(message, socket)
        #expect(try receive(socket) == ProviderReply(id: id, result: .failed(.malformed)).encoded())
      }
      // A descriptor doesn't even arrive.
      let request = ProviderRequest(id: 3, operation: .readCounter).encoded()
      #expect(linux_send(socket, request, request.count, [socket], 1, 1) == 0)
      #expect(try receive(socket) == ProviderReply(id: 0, result: .failed(.malformed)).encoded())
      var client = ProviderClient(socket: socket)
      #expect(try client.counter() == 0)
    }
  }

  // MARK: The client against other providers

  /// What a client says to answers that were sent before it asked.
  private func ask<Value>(
    _ answers: [[UInt8]], _ operation: (inout ProviderClient) throws(ErrorClass) -> Value
  ) throws -> Result<Value, ErrorClass> {
    let (near, far) = try Self.pair()
    defer { close(near) }
    for answer in answers { try send(answer, far) }
    shutdown(far, Int32(SHUT_WR))
    defer { close(far) }
    var client = ProviderClient(socket: near)
    do throws(ErrorClass) {
      return .success(try operation(&client))
    } catch {
      return .failure(error)
    }
  }

  private func reply(_ id: UInt64, _ result: ProviderReply.Result) -> [UInt8] {
    ProviderReply(id: id, result: result).encoded()
  }

  @Test("is asked again and again until an answer is for this request")
  func staleAnswers() throws {
    let stale = [reply(0, .value(5)), reply(7, .failed(.io)), reply(1, .value(6))]
    #expect(try ask(stale) { (client) throws(ErrorClass) in try client.counter() } == .success(6))
    #expect(
      try ask(stale.dropLast()) { (client) throws(ErrorClass) in try client.counter() } == .failure(.internal))
  }

  @Test("whose answer makes no sense isn't believed")
  func nonsense() throws {
    let wrong: [([UInt8], ErrorClass)] = [
      ([], .internal), ([0x80], .internal), ([UInt8](repeating: 0x81, count: 33), .internal),
      (reply(1, .nothing), .internal), (reply(1, .failed(.io)), .io),
      (reply(1, .failed(.limitExceeded)), .limitExceeded),
    ]
    for (answer, errorClass) in wrong {
      #expect(
        try ask([answer]) { (client) throws(ErrorClass) in try client.counter() } == .failure(errorClass), "\(answer)")
      #expect(
        try ask([answer]) { (client) throws(ErrorClass) in try client.incrementCounter() } == .failure(errorClass))
    }
    #expect(try ask([]) { (client) throws(ErrorClass) in try client.time().value() } == .failure(.internal), "hung up")
    #expect(try ask([reply(1, .nothing)]) { (client) throws(ErrorClass) in try client.time().value() } == .success(nil))
  }

  @Test("that gives other than a handoff gives nothing")
  func noHandoff() throws {
    let secrets = Self.attest + Self.seal
    let handoff = try Self.handoff()
    let notes = handoff.notes.encoded()
    let answers: [([UInt8], ErrorClass?)] = [
      (secrets + notes, nil), (secrets, .malformed), (secrets + notes.dropLast(), .malformed),
      (secrets + notes + [0], .malformed), (Array(secrets.dropLast()), .malformed),
      (Array(secrets.prefix(33)), .malformed),
      ([], .internal), (Array(secrets.prefix(32)), .malformed), (reply(1, .failed(.rollback)), .rollback),
      (reply(1, .value(1)), .malformed), (reply(1, .nothing), .malformed),
      (secrets + notes + [UInt8](repeating: 0, count: 33_000), .limitExceeded),
    ]
    for (answer, errorClass) in answers {
      let result = try ask([answer]) { (client) throws(ErrorClass) in
        let handoff = try client.secrets()
        return handoff.notes
      }
      if let errorClass {
        #expect(result == .failure(errorClass), "\(answer.count) bytes")
      } else {
        #expect(result == .success(handoff.notes))
      }
    }
    #expect(
      try ask([]) { (client) throws(ErrorClass) in
        let handoff = try client.secrets()
        return handoff.notes
      } == .failure(.internal))
  }

  // MARK: Sockets

  private func send(_ message: [UInt8], _ socket: Int32) throws {
    try #require(linux_send(socket, message, message.count, nil, 0, 1) == 0)
  }

  private func receive(_ socket: Int32) throws -> [UInt8] {
    try #require(linux_wait_readable(socket, 60_000) == 1)
    return [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
      var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
      count = max(linux_receive_parts(socket, &part, 1), 0)
    }
  }
}
