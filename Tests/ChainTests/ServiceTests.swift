import BootChain
import CLinux
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecureWorld
import TestSupport
import Testing

/// SPEC 7.7, 8: one decryptor for the processes of several users.
@Suite("The secure world as a service", .enabled(if: devicesAvailable, needsDevices))
struct ServiceTests {
  /// A user and a group that own nothing else; who may connect.
  private static let user: UInt32 = 64911
  private static let group: UInt32 = 64912

  private let bench: Bench
  private let package: String
  private let grant: String

  init() throws {
    bench = try Bench()
    package = bench.device.flash.appending(path: "modules/a.husk").path
    grant = bench.device.flash.appending(path: "grants/a.grant").path
    try bench.device.install(bench.module.file(), "modules/a.husk")
    try bench.device.install(bench.grant.file(), "grants/a.grant")
  }

  private func service(user: UInt32 = user, group: UInt32 = group) throws -> Service {
    try Service(bench.device, clients: (user, group))
  }

  /// A service that lets root in: the test itself.
  private func ownService() throws -> Service { try service(user: 0) }

  /// What a process of some user has from the service.
  private func client(
    of service: Service, user: UInt32, group: UInt32 = 64999, groups: [UInt32] = [], _ arguments: [String] = []
  ) throws -> String {
    let program = try Compiler.firmware("service_client")
    let outcome = try run(
      "setpriv",
      Service.asUser(user, group: group, groups: groups) + [program.path, service.socket.path] + arguments)
    #expect(outcome.stderr == "")
    return outcome.stdout
  }

  private static let turnedAway = "no decryptor (status \(ErrorClass.noDecryptor.rawValue))\n"

  @Test("loads modules for a process of the right user, which needs no privilege")
  func loads() throws {
    let service = try service()
    #expect(try client(of: service, user: Self.user, [package, grant, package, grant]) == "answer 42\nanswer 42\n")
    let decryptor = try #require(try childProcesses(of: service.provider.id).first)
    #expect(try DeviceSupport.user(of: service.provider.id) == Service.user)
    #expect(try DeviceSupport.user(of: decryptor) == Service.user)
  }

  @Test("is the same device as under the boot chain")
  func identity() throws {
    let booted = try bench.device.startSecureWorld().identity()
    let served = try ownService().connect().identity()
    #expect(served == booted)
  }

  @Test("starts nothing on trial, leaves the slots alone, and takes no part in updates")
  func trials() throws {
    let device = bench.device
    var package = try goodPackage(.decryptor)
    package.manifest.version = Version(9, 0, 0)
    try device.stage(package, as: .decryptor)
    let before = try device.startSecureWorld().identity()
    #expect(try device.startSecureWorld().ask(.tryStaged) == .done)
    #expect(try device.slots().trial?.slot == .b)
    let slots = try device.slots()
    let client = try ownService().connect()
    #expect(try client.identity() == before)
    #expect(try client.ask(.confirm) == .failed(.notFound))
    #expect(try client.ask(.tryStaged) == .failed(.notFound))
    #expect(try device.slots() == slots)
    // What the device itself keeps, the service starts too.
    #expect(try device.startSecureWorld().identity() == before)
    try device.withSlots { try BootSlots(on: $0).confirm(.b) }
    #expect(try device.startSecureWorld().identity() != before)
    #expect(try ownService().connect().identity() == device.startSecureWorld().identity())
  }

  @Test("keeps to the floors that were raised since the fuses were made")
  func floors() throws {
    try Service.handOver(bench.device)
    try FloorsRegister(path: bench.device.floors.path, .writing)
      .raise(to: Floors(loader: 0, decryptor: 4, firmware: 0))
    let good = Service.command(bench.device, clients: (Self.user, Self.group))
    try expectNoStart(good, .rollback, what: "decryptor")
  }

  @Test("lets in whom it should by user or by any group, and hangs up on all others without a word")
  func admission() throws {
    let service = try service()
    let some: UInt32 = 64913
    #expect(try client(of: service, user: Self.user) == "let in\n")
    #expect(try client(of: service, user: some, group: Self.group) == "let in\n")
    #expect(try client(of: service, user: some, groups: [1, Self.group, 2]) == "let in\n")
    #expect(try client(of: service, user: some, groups: [1, 2]) == Self.turnedAway)
    #expect(try client(of: service, user: some) == Self.turnedAway)
    #expect(try client(of: service, user: Self.group, group: Self.user) == Self.turnedAway)
    #expect(try client(of: service, user: 0, group: 0) == Self.turnedAway)
    #expect(try client(of: service, user: Service.user, group: Self.group) == Self.turnedAway)
    // Not a byte: the other end is just closed.
    let stranger = try service.connect()
    #expect(throws: Channel.Failure.disconnected) { try stranger.receive() }
    #expect(try client(of: service, user: Self.user) == "let in\n", "it goes on")
  }

  @Test("lets in processes of many groups")
  func manyGroups() throws {
    let service = try service()
    let many = (1...5000).map { UInt32($0) }
    #expect(try client(of: service, user: 64913, groups: many + [Self.group]) == "let in\n")
    #expect(try client(of: service, user: 64913, groups: many) == Self.turnedAway)
  }

  @Test("has room for 8 clients of a user, and for 16 in all; one more is hung up on, until one goes")
  func room() throws {
    let service = try ownService()
    var clients: [SecureWorldClient] = []
    for _ in 0..<8 {
      let client = try service.connect()
      #expect(try client.ask(.hello) == .hello(version: 1))
      clients.append(client)
    }
    let late = try service.connect()
    #expect(throws: Channel.Failure.disconnected) { try late.receive() }
    // Whoever takes all that he can get leaves room for others.
    let crowd = packageRoot.appending(path: "Tests/Programs/crowd.py").path
    let others = try Conversation(
      "setpriv",
      Service.asUser(64913, group: Self.group) + ["python3", "-B", crowd, service.socket.path, "9"])
    try others.wait(for: String(repeating: "in\n", count: 8) + "out\nall\n")
    let third: UInt32 = 64914
    #expect(try client(of: service, user: third, group: Self.group) == Self.turnedAway)
    for client in clients { #expect(try client.ask(.hello) == .hello(version: 1)) }
    clients.removeFirst()
    // It sees both at once, and the end first; but a process that a test elsewhere starts may hold the socket a moment longer.
    var answer = Self.turnedAway
    for _ in 0..<100 where answer == Self.turnedAway {
      answer = try client(of: service, user: third, group: Self.group)
    }
    #expect(answer == "let in\n")
    _ = try others.end()
  }

  @Test("goes on loading for others while clients ask for modules that they don't take")
  func untakenModules() throws {
    let service = try service(user: 0)
    let files = [open(package, O_RDONLY | O_CLOEXEC), open(grant, O_RDONLY | O_CLOEXEC)]
    defer { for file in files { close(file) } }
    let load = Request(id: 1, operation: .load).encoded()
    let deaf = try (0..<4).map { _ in try service.connect() }
    // As many as fit. The kernel lets a user have 256 descriptors under way, as many as one process of his may have.
    for client in deaf { while client.send(raw: load, files) {} }
    // All clients have their turns alike: before this one is through, the others would have had theirs.
    let loads = 200
    let answers = try self.client(
      of: service, user: 64913, group: Self.group, Array(repeating: [package, grant], count: loads).flatMap { $0 })
    #expect(answers == String(repeating: "answer 42\n", count: loads))
  }

  @Test("binds users to a vendor's scope, not processes: another connection changes nothing")
  func vendorScopes() throws {
    var foreign = bench
    foreign.module = try module(answering: 44)
    foreign.module.name = testName("com.other.codec")
    foreign.module.package.chain = ChainFixture(
      root: .bootRoot, [LinkFixture("Other", [.grant, .module], scope: "com.other.")])
    foreign.grant.chain = foreign.module.package.chain
    foreign.grant.terms.module = foreign.module.name
    foreign.grant.terms.issuer = foreign.grant.chain.last.thumbprint
    try bench.device.install(foreign.module.file(), "modules/f.husk")
    try bench.device.install(foreign.grant.file(), "grants/f.grant")
    let own = [package, grant]
    let other = [
      bench.device.flash.appending(path: "modules/f.husk").path,
      bench.device.flash.appending(path: "grants/f.grant").path,
    ]
    let service = try service()
    let conflict = refused(.scopeConflict) + "\n"
    #expect(try client(of: service, user: Self.user, own) == "answer 42\n")
    #expect(try client(of: service, user: Self.user, other + own) == conflict + "answer 42\n")
    #expect(try client(of: service, user: 64913, group: Self.group, other) == "answer 44\n")
    #expect(try client(of: service, user: 64913, group: Self.group, own) == conflict)
    #expect(try client(of: service, user: Self.user, other) == conflict)
  }

  @Test("remembers sequence numbers for all clients together")
  func sequences() throws {
    var newer = bench
    newer.grant.terms.sequence += 1
    let service = try ownService()
    let first = try service.connect()
    let second = try service.connect()
    let package = try bench.module.file()
    #expect(try first.refusal(package: package, grant: bench.grant.file()) == nil)
    #expect(try second.refusal(package: package, grant: newer.grant.file()) == nil)
    #expect(try first.refusal(package: package, grant: bench.grant.file()) == .rollback)
    first.hangUp()
    second.hangUp()
    #expect(try service.connect().refusal(package: package, grant: bench.grant.file()) == .rollback)
  }

  @Test("ends with its decryptor, and the decryptor with it", arguments: [false, true])
  func ends(killingDecryptor: Bool) throws {
    let service = try ownService()
    let client = try service.connect()
    _ = try client.identity()
    let decryptor = try #require(ProcessHandle(client.decryptor()))
    kill(killingDecryptor ? decryptor.id : service.provider.id, SIGKILL)
    #expect(decryptor.waitForEnd())
    #expect(try service.provider.outcome().status == (killingDecryptor ? 128 + SIGKILL : -SIGKILL))
  }

  @Test("doesn't care how many clients come and go")
  func manyClients() throws {
    let service = try ownService()
    let first = try service.connect()
    _ = try first.identity()
    let decryptor = try first.decryptor()
    let descriptors = try descriptorCount(of: decryptor)
    for round in 0..<300 {
      let client = try service.connect()
      // Some go without a word, some ask and don't wait, some wait.
      if round % 3 == 1 { try client.channel.send(Request(id: 1, operation: .identity).encoded()) }
      if round % 3 == 2 { _ = try client.ask(.hello) }
      client.hangUp()
    }
    // It has seen the last one go when it answers after that.
    for _ in 0..<3 { _ = try first.ask(.hello) }
    #expect(try descriptorCount(of: decryptor) == descriptors)
    #expect(try first.decryptor() == decryptor)
  }

  // MARK: One client that hangs

  /// A directory with a file whose reading never ends.
  private final class StuckFile {
    private let scratch: Scratch
    private let server: Conversation
    var path: String { scratch.directory.appending(path: "file").path }

    init() throws {
      scratch = try Scratch()
      server = try Conversation(Compiler.program("stuck_file").path, [scratch.directory.path])
      try server.wait(for: "mounted")
    }

    /// Waits until it is read for the `number`th time.
    func waitForReader(_ number: Int = 1) throws { try server.wait(for: "reading \(number).") }

    /// Ends the reading, with an error.
    func unmount() throws { #expect(try server.end().status == 0) }

    /// Has a client load it, and waits until its worker reads.
    func load(by client: SecureWorldClient, reader: Int = 1) throws {
      let file = open(path, O_RDONLY | O_CLOEXEC)
      defer { close(file) }
      try client.channel.send(Request(id: 500, operation: .load).encoded(), descriptors: [file, file])
      try waitForReader(reader)
    }
  }

  @Test("isn't held up by a client whose file can't be read, and ends its worker when that client goes")
  func stuck() throws {
    let stuck = try StuckFile()
    let service = try ownService()
    let hanging = try service.connect()
    let other = try service.connect()
    _ = try hanging.identity()
    let decryptor = try hanging.decryptor()
    try stuck.load(by: hanging)

    // Its worker reads, and will for ever; meanwhile everything works for the other, and for who comes.
    let worker = try #require(try childProcesses(of: decryptor).first.flatMap { ProcessHandle($0) })
    let package = try bench.module.file()
    let grant = try bench.grant.file()
    for _ in 0..<20 { #expect(try other.refusal(package: package, grant: grant) == nil) }
    #expect(try service.connect().ask(.hello) == .hello(version: 1))
    #expect(!worker.waitForEnd(seconds: 0))
    #expect(try childProcesses(of: decryptor).contains(worker.id))
    try expectOwnDescriptorsOnly(worker.id, of: decryptor)

    // What it asks further waits for its turn.
    try hanging.channel.send(Request(id: 501, operation: .hello).encoded())
    #expect(try other.ask(.hello) == .hello(version: 1))
    #expect(hanging.hasUnread())

    // The kernel doesn't let the killed worker go before its read is over. Nobody waits for it.
    hanging.hangUp()
    #expect(try other.ask(.hello) == .hello(version: 1))
    try stuck.unmount()
    #expect(worker.waitForEnd())
    for _ in 0..<2 { #expect(try other.ask(.hello) == .hello(version: 1)) }
    #expect(try !childProcesses(of: decryptor).contains(worker.id))
  }

  @Test("doesn't run out of processes by a user who leaves workers behind that can't end: that user waits")
  func leftBehind() throws {
    let stuck = try StuckFile()
    let service = try ownService()
    for reader in 1...32 {
      let client = try service.connect()
      try stuck.load(by: client, reader: reader)
      client.hangUp()
    }
    let late = try service.connect()
    try late.channel.send(Request(id: 501, operation: .hello).encoded())
    // Others don't wait. By the time that they have their answers, this one would have been answered long ago.
    for _ in 0..<3 {
      #expect(try client(of: service, user: 64913, group: Self.group, [package, grant]) == "answer 42\n")
    }
    #expect(late.hasUnread())
    try stuck.unmount()
    #expect(try late.receive() == Reply(id: 501, result: .hello(version: 1)))
  }

  /// Expects that a worker holds of the decryptor's sockets only its client's.
  private func expectOwnDescriptorsOnly(_ worker: Int32, of decryptor: Int32) throws {
    func sockets(_ process: Int32) throws -> [String: String] {
      let folder = "/proc/\(process)/fd"
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      return Dictionary(
        uniqueKeysWithValues: names.compactMap { name in
          guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)"),
            target.hasPrefix("socket:")
          else { return nil }
          return (name, target)
        })
    }
    let server = try sockets(decryptor)
    // The provider's, the one that listens, two clients, and the one to the worker.
    #expect(server.count == 5)
    let shared = Set(server.values).intersection(try sockets(worker).values)
    #expect(shared.count == 1)
    #expect(!shared.contains(try #require(server["3"])))
    #expect(!shared.contains(try #require(server["4"])))
  }

  @Test("gives up a request after its 30 seconds, and goes on with the client's next")
  func deadline() throws {
    let stuck = try StuckFile()
    let service = try ownService()
    let hanging = try service.connect()
    try stuck.load(by: hanging)
    try hanging.channel.send(Request(id: 501, operation: .hello).encoded())
    #expect(try hanging.receive(for: .load) == Reply(id: 500, result: .failed(.deadlineExceeded)))
    #expect(try hanging.receive() == Reply(id: 501, result: .hello(version: 1)))
    try stuck.unmount()
  }

  // MARK: Starts that fail

  private func expectNoStart(
    _ words: [String], environment: String = "LISTEN_PID=$$ LISTEN_FDS=1", _ errorClass: ErrorClass,
    socket: Int32? = nil, what: String = "to start", sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let scratch = try Scratch()
    let listener = try SocketFile(scratch.directory.appending(path: "socket").path)
    let outcome = try run(
      "setpriv", Service.asUser(Service.user) + ["sh", "-c", "\(environment) exec \"$0\" \"$@\""] + words,
      descriptors: [(number: 3, descriptor: socket ?? listener.listener)])
    #expect(
      outcome.stderr == "husk: fuseprovider: refused \(what): \(errorClass.name)\n", sourceLocation: sourceLocation)
    #expect(outcome.stdout == "", sourceLocation: sourceLocation)
    #expect(outcome.status == 101, sourceLocation: sourceLocation)
  }

  @Test("doesn't start with wiring that makes no sense")
  func wiring() throws {
    try Service.handOver(bench.device)
    let good = Service.command(bench.device, clients: (Self.user, Self.group))
    try expectNoStart(Array(good.dropLast()), .invalidArgument)
    try expectNoStart(good + ["1"], .invalidArgument)
    for id in ["", "x", "-1", "4294967295", "4294967296"] {
      try expectNoStart(Array(good.prefix(4)) + [id, "1"], .invalidArgument)
      try expectNoStart(Array(good.prefix(4)) + ["1", id], .invalidArgument)
    }
    for environment in [
      "", "LISTEN_PID=$$", "LISTEN_FDS=1", "LISTEN_PID=1 LISTEN_FDS=1", "LISTEN_PID=$$ LISTEN_FDS=2",
      "LISTEN_PID=$$x LISTEN_FDS=1",
    ] {
      try expectNoStart(good, environment: environment, .invalidArgument)
    }
    var near: Int32 = -1
    var far: Int32 = -1
    #expect(linux_socket_pair(&near, &far) == 0)
    defer { for socket in [near, far] { close(socket) } }
    try expectNoStart(good, .invalidArgument, socket: near)
  }

  @Test("doesn't start without its files, or with ones that it may not read")
  func files() throws {
    let good = Service.command(bench.device, clients: (Self.user, Self.group))
    try expectNoStart(good, .io)
    try Service.handOver(bench.device)
    for place in 1...4 {
      var words = good
      words[place] = "/nothing"
      try expectNoStart(words, .io)
    }
    try Data([1, 2, 3]).write(to: bench.device.fuses)
    try expectNoStart(good, .malformed)
  }

  @Test("doesn't start with a bootloader or decryptor that the device wouldn't boot")
  func stages() throws {
    try Service.handOver(bench.device)
    let good = Service.command(bench.device, clients: (Self.user, Self.group))
    for stage in [Stage.bootloader, .decryptor] {
      var package = try goodPackage(stage)
      package.chain.root = .stranger
      try bench.device.install(package, as: stage)
      try expectNoStart(good, .untrustedRoot, what: "\(stage.name)")
      try bench.device.install(goodPackage(stage == .bootloader ? .decryptor : .bootloader), as: stage)
      try expectNoStart(good, .roleMismatch, what: "\(stage.name)")
      try bench.device.remove(stage)
      try expectNoStart(good, .notFound, what: "\(stage.name)")
      try bench.device.install(goodPackage(stage), as: stage)
    }
    #expect(try client(of: service(), user: Self.user) == "let in\n")
  }
}
