import CLinux
import ErrorClass
import SecureWorld
import Testing

@testable import Decryptor

/// SPEC 8: what a worker says, and what it doesn't get to say.
@Suite("A worker")
struct WorkerTests {
  /// Starts a worker that says these things and ends, and hears it to its end.
  private func hear(_ messages: [[UInt8]]) throws -> [Worker.Outcome] {
    var worker = try #require(
      Worker.start(closing: [], now: 0) { parent in
        for message in messages { try? parent.send(message) }
      })
    defer {
      worker.end()
      _ = linux_wait(worker.process)
    }
    var outcomes: [Worker.Outcome] = []
    for _ in 0...messages.count {
      #expect(linux_wait_readable(worker.channel.socket, 60_000) == 1)
      if let outcome = worker.hear() {
        outcomes.append(outcome)
        break
      }
    }
    return outcomes
  }

  private func expect(
    _ messages: [[UInt8]], id: UInt64, _ result: WorkerReport.Result, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let outcomes = try hear(messages)
    guard case .finished(let heardID, let heard, let file)? = outcomes.first else {
      Issue.record("no result", sourceLocation: sourceLocation)
      return
    }
    #expect(heardID == id, sourceLocation: sourceLocation)
    #expect(heard == result, sourceLocation: sourceLocation)
    #expect(file == -1, sourceLocation: sourceLocation)
  }

  private let started = WorkerReport.started(id: 7).encoded()

  @Test("is believed when it says what it works on, and then what came of it")
  func result() throws {
    try expect([started, WorkerReport.finished(id: 7, .identity).encoded()], id: 7, .identity)
    for result in [WorkerReport.Result.hello, .protections, .confirm, .tryStaged] {
      try expect([started, WorkerReport.finished(id: 7, result).encoded()], id: 7, result)
    }
    try expect([WorkerReport.finished(id: 0, .failed(.malformed)).encoded()], id: 0, .failed(.malformed))
  }

  @Test("tells of a client that has gone")
  func disconnected() throws {
    guard case .disconnected? = try hear([WorkerReport.disconnected.encoded()]).first else {
      Issue.record("not told")
      return
    }
  }

  @Test("that ends without a result, talks nonsense or begins twice is answered for")
  func nonsense() throws {
    try expect([], id: 0, .failed(.internal))
    try expect([started], id: 7, .failed(.internal))
    try expect([[0xff]], id: 0, .failed(.internal))
    try expect([started, []], id: 7, .failed(.internal))
    try expect([started, started], id: 7, .failed(.internal))
  }

  @Test("has its deadline from its start, and what it is answered with names its request")
  func deadline() throws {
    var worker = try #require(
      Worker.start(closing: [], now: 1_000) { parent in try? parent.send(WorkerReport.started(id: 9).encoded()) })
    defer {
      worker.end()
      _ = linux_wait(worker.process)
    }
    #expect(worker.deadline == 31_000)
    #expect(linux_wait_readable(worker.channel.socket, 60_000) == 1)
    #expect(worker.hear() == nil)
    guard case .finished(let id, let result, _) = worker.failure(.deadlineExceeded) else { return }
    #expect(id == 9)
    #expect(result == .failed(.deadlineExceeded))
  }

  @Test("holds none of the descriptors that are others' business")
  func descriptors() throws {
    var near: Int32 = -1
    var far: Int32 = -1
    try #require(linux_socket_pair(&near, &far) == 0)
    defer { close(near) }
    // Its answer is the number of the descriptors that are still open, of the two.
    var worker = try #require(
      Worker.start(closing: [far], now: 0) { parent in
        let open = [near, far].filter { linux_file_number($0) != 0 }.count
        try? parent.send(WorkerReport.started(id: UInt64(open)).encoded())
      })
    close(far)
    defer {
      worker.end()
      _ = linux_wait(worker.process)
    }
    #expect(linux_wait_readable(worker.channel.socket, 60_000) == 1)
    #expect(worker.hear() == nil)
    guard case .finished(let open, _, _) = worker.failure(.internal) else { return }
    #expect(open == 1)
  }
}

/// SPEC 8: what is waited for.
@Suite("A client's connection")
struct ClientTests {
  private let client = Client(channel: Channel(socket: 5), user: 0)

  @Test("is listened to only while nothing is done for it")
  func wanted() throws {
    var client = client
    #expect(client.wanted & Int16(POLLIN) != 0)
    #expect(client.wakeUp == nil)
    client.state = .postponed(until: 77)
    #expect(client.wanted == hangUp)
    #expect(client.wakeUp == 77)
    #expect(client.workerSocket == -1)
    client.state = .gone
    #expect(client.isGone)
    #expect(client.wakeUp == nil)
  }

  @Test("is over when its other end, or half of it, is closed")
  func hangingUp() {
    for event in [Int32(POLLHUP), Int32(POLLERR), Int32(POLLNVAL), Int32(hangUp), Int32(hangUp) | Int32(POLLIN)] {
      #expect(Client.hasHungUp(Int16(event)))
    }
    #expect(!Client.hasHungUp(Int16(POLLIN)))
    #expect(!Client.hasHungUp(0))
  }
}

/// SPEC 8.
@Suite("Progress")
struct ProgressReporterTests {
  private func report(_ steps: [UInt64], of total: UInt64, listens: Bool = true) throws -> [SecureWorld.Progress] {
    var near: Int32 = -1
    var far: Int32 = -1
    try #require(linux_socket_pair(&near, &far) == 0)
    defer { close(far) }
    var reporter = ProgressReporter(client: Channel(socket: near), id: 3)
    for step in steps { reporter.report(step, of: total) }
    close(near)
    var received: [SecureWorld.Progress] = []
    while let message = try? Channel(socket: far).receive() {
      received.append(try SecureWorld.Progress(parsing: message.bytes[...]))
    }
    return received
  }

  @Test("is told at most 64 times, rises, and ends with all")
  func steps() throws {
    for total: UInt64 in [1, 2, 63, 64, 65, 1000, 1 << 31] {
      let count = min(total, 8192)
      let received = try report((1...count).map { $0 * (total / count) } + [total], of: total)
      #expect((1...64).contains(received.count), "\(total)")
      #expect(received.allSatisfy { $0.id == 3 && $0.total == total })
      #expect(received.map(\.done) == Array(Set(received.map(\.done))).sorted(), "it rises")
      #expect(received.last?.done == total)
    }
  }

  @Test("isn't told twice for the same step, nor before the first")
  func repeated() throws {
    #expect(try report([0, 1, 1, 15, 15, 16], of: 1024).map(\.done) == [16])
  }
}
