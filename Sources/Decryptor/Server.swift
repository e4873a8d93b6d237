import BootChain
import CLinux
import ErrorClass
import HuskFormat
import Protections
import SecureStorage
import SecureWorld

/// Answers the requests of clients, which are treated as hostile (SPEC 8), until there can't be any more.
///
/// Requests are received and worked on by ``Worker`` processes; here is only what decides and remembers. Nothing that a
/// client does, or doesn't do, makes this process wait: it sleeps in one poll(2) for all of them.
struct Server: ~Copyable {
  private let keys: DeviceKeys
  /// What was found when the sandbox closed.
  private let protections: [ProtectionFact]
  private let state: BootState
  private var platform: DecryptorPlatform
  /// Nil if it can't be used.
  private var storage: SecureStorage?
  private var bindings = ScopeBindings()
  private var lists = StatusShelf()
  private var clients: [Client] = []
  /// Nil where the one client is connected from the start.
  private var entrance: Entrance?
  /// Workers that were ended and aren't collected yet, and the users whose requests they worked on.
  private var endedWorkers: [(process: pid_t, user: UInt32)] = []

  /// So many workers of a user's may be waiting for their end; then the user waits too. Usually a killed process is gone
  /// before the next event, but a file system can keep it for ever.
  private static let mostEndedWorkers = 32

  /// Where clients come from.
  enum Origin {
    case connected(Int32)
    case entrance(Entrance)
  }

  init(
    _ origin: Origin, keys: consuming DeviceKeys, state: BootState, protections: [ProtectionFact],
    platform: consuming DecryptorPlatform, storage: consuming SecureStorage?
  ) {
    self.keys = keys
    self.protections = protections
    self.state = state
    self.platform = platform
    self.storage = storage
    switch origin {
    case .connected(let socket): clients = [Client(channel: Channel(socket: socket), user: 0)]
    case .entrance(let entrance): self.entrance = entrance
    }
  }

  mutating func run() {
    while entrance != nil || !clients.isEmpty {
      guard let events = wait(), !Client.hasHungUp(events.provider) else { return }
      let now = linux_monotonic_milliseconds()
      for index in clients.indices {
        serve(index, events.clients[2 * index], worker: events.clients[2 * index + 1], now)
      }
      clients.removeAll { $0.isGone }
      if events.entrance != 0, let arrival = entrance?.admit(among: clients.map { $0.user }, now: now) {
        clients.append(Client(channel: Channel(socket: arrival.socket), user: arrival.user))
      }
      endedWorkers.removeAll { linux_wait_now($0.process) != -2 }
    }
  }
}

// MARK: Events

extension Server {
  /// What poll(2) told.
  private struct Events {
    let provider: Int16
    let entrance: Int16
    /// Two for each client: of its socket, and of its worker's.
    let clients: [Int16]
  }

  /// Waits until something is to be done; nil if that can't be had.
  private borrowing func wait() -> Events? {
    let now = linux_monotonic_milliseconds()
    // A negative descriptor is passed over.
    var wanted = [pollfd(fd: platform.provider.socket, events: hangUp, revents: 0)]
    var wakeUp: Int64?
    if let entrance {
      let isClosed = entrance.closedUntil > now
      wanted.append(pollfd(fd: isClosed ? -1 : entrance.listener, events: Int16(POLLIN), revents: 0))
      if isClosed { wakeUp = entrance.closedUntil }
    } else {
      wanted.append(pollfd(fd: -1, events: 0, revents: 0))
    }
    for client in clients {
      wanted.append(pollfd(fd: client.channel.socket, events: client.wanted, revents: 0))
      wanted.append(pollfd(fd: client.workerSocket, events: Int16(POLLIN), revents: 0))
      if let time = client.wakeUp { wakeUp = min(wakeUp ?? time, time) }
    }
    let patience = if let wakeUp { max(wakeUp - now, 0) } else { Int64(-1) }
    guard linux_poll(&wanted, wanted.count, patience) >= 0 else { return nil }
    return Events(
      provider: wanted[0].revents, entrance: wanted[1].revents, clients: wanted.dropFirst(2).map { $0.revents })
  }

  /// Does what is to be done for one client.
  private mutating func serve(_ index: Int, _ socket: Int16, worker events: Int16, _ now: Int64) {
    if Client.hasHungUp(socket) { return drop(index) }
    switch clients[index].state {
    case .idle: if socket != 0 { work(for: index, now) }
    case .postponed(let time): if now >= time { work(for: index, now) }
    case .working(var worker):
      var outcome = events != 0 ? worker.hear() : nil
      if outcome == nil, now >= worker.deadline { outcome = worker.failure(.deadlineExceeded) }
      guard let outcome else {
        clients[index].state = .working(worker)
        return
      }
      end(worker, of: clients[index].user)
      clients[index].state = .idle
      switch outcome {
      case .disconnected: drop(index)
      case .finished(let id, let result, let file):
        finish(id, result, file: file, for: clients[index])
        if file >= 0 { close(file) }
      }
    case .gone: break
    }
  }

  /// Has a worker receive and work on one request of a client.
  private mutating func work(for index: Int, _ now: Int64) {
    let client = clients[index]
    guard client.hasTakenAll else {
      clients[index].state = .postponed(until: now + Client.patience)
      return
    }
    guard endedWorkers.count(where: { $0.user == client.user }) < Self.mostEndedWorkers else {
      clients[index].state = .postponed(until: now + Client.pause)
      return
    }
    let context = DecisionContext(
      machine: linux_machine(), boot: state, clock: clock(), memory: storage?.state, bindings: bindings, lists: lists,
      user: client.user)
    let worker = Worker.start(closing: foreignDescriptors(to: index), now: now) { parent in
      do throws(Channel.Failure) {
        try RequestHandler(client: client.channel, parent: parent, context: context).handle(keys)
      } catch {
        // The parent sees that no result came.
      }
    }
    // A client that uses up all processes holds up its own requests, and not for longer than it does so.
    clients[index].state = if let worker { .working(worker) } else { .postponed(until: now + Client.pause) }
  }

  /// What is open here and no business of a worker for the client at `index`.
  private borrowing func foreignDescriptors(to index: Int) -> [Int32] {
    var descriptors = [platform.provider.socket]
    if storage != nil { descriptors += Platform.Descriptor.storage }
    if let entrance { descriptors.append(entrance.listener) }
    for other in clients.indices where other != index {
      descriptors.append(clients[other].channel.socket)
      if clients[other].workerSocket >= 0 { descriptors.append(clients[other].workerSocket) }
    }
    return descriptors
  }

  /// What the platform's trusted clock says; nil if it has none, or none that can be read.
  private mutating func clock() -> ProviderAnswer? {
    guard state.hasTrustedClock else { return nil }
    do throws(ErrorClass) {
      return try platform.provider.time()
    } catch {
      return nil
    }
  }

  private mutating func drop(_ index: Int) {
    if case .working(let worker) = clients[index].state { end(worker, of: clients[index].user) }
    close(clients[index].channel.socket)
    clients[index].state = .gone
  }

  private mutating func end(_ worker: Worker, of user: UInt32) {
    worker.end()
    endedWorkers.append((worker.process, user))
  }
}

// MARK: Replies

extension Server {
  /// Decides about what a worker found. The worker decided the same from the same state, but it isn't the last word on
  /// its own work.
  private mutating func finish(_ id: UInt64, _ result: WorkerReport.Result, file: Int32, for client: Client) {
    switch result {
    case .failed(let errorClass): reply(id, .failed(errorClass), to: client)
    case .hello: reply(id, .hello(version: SecureWorldProtocol.version), to: client)
    case .identity: reply(id, .identity(keys.identity), to: client)
    case .protections: reply(id, .protections(protections), to: client)
    case .checked(let file): reply(id, .checked(file), to: client)
    case .confirm: reply(id, done { (provider) throws(ErrorClass) in try provider.confirm() }, to: client)
    case .tryStaged: reply(id, done { (provider) throws(ErrorClass) in try provider.tryStaged() }, to: client)
    case .released(let module, let scope, let time, let isOnTrial):
      guard file >= 0, linux_is_sealed(file) == 1, let name = Name(module.name), scope.covers(name) else {
        return reply(id, .failed(.internal), to: client)
      }
      do throws(ErrorClass) {
        try bindings.check(scope, to: client.user)
        try remember { (state) throws(ErrorClass) in
          try state.record(
            SecureState.Load(
              name, sequence: module.sequence, securityVersion: module.securityVersion, vendorScope: scope, time: time,
              isOnTrial: isOnTrial))
        }
        try bindings.bind(client.user, to: scope)
      } catch {
        return reply(id, .failed(error), to: client)
      }
      reply(id, .loaded(module), to: client, file: file)
    case .statusList(let mark, let vendorScope, let payload):
      guard vendorScope.contains(mark.scope) else { return reply(id, .failed(.internal), to: client) }
      do throws(ErrorClass) {
        try remember { (state) throws(ErrorClass) in try state.record(mark, of: vendorScope) }
      } catch {
        return reply(id, .failed(error), to: client)
      }
      lists.put(mark, payload: payload)
      reply(id, .statusList, to: client)
    }
  }

  /// Has the secret provider do something; the decryptor's part in updates is only to ask for it (SPEC 7.11).
  private mutating func done(_ act: (inout ProviderClient) throws(ErrorClass) -> Void) -> Reply.Result {
    do throws(ErrorClass) {
      try act(&platform.provider)
      return .done
    } catch {
      return .failed(error)
    }
  }

  /// Changes what is remembered across boots; it is so for good when this returns.
  private mutating func remember(
    _ change: (inout SecureState) throws(ErrorClass) -> Void
  ) throws(ErrorClass) {
    guard storage != nil else { throw .io }
    try storage?.update(on: &platform, change)
  }

  /// Sends a reply. A client that doesn't take it loses it: it must not be able to hold up the decryptor.
  private borrowing func reply(_ id: UInt64, _ result: Reply.Result, to client: Client, file: Int32 = -1) {
    let descriptors = file >= 0 ? [file] : []
    do throws(Channel.Failure) {
      try client.channel.send(Reply(id: id, result: result).encoded(), descriptors: descriptors, waits: false)
    } catch {
      // Lost, as said.
    }
  }
}
