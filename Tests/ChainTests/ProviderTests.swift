import BootChain
import CLinux
import DICE
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecretBytes
import SecureWorld
import Synchronization
import Testing

/// SPEC 7.6, from the decryptor's side: the real one, with a provider in the test's hands.
@Suite("The decryptor and its secret provider", .enabled(if: devicesAvailable, needsDevices))
struct ProviderTests {
  @Test("the one takes secrets from the other, and doesn't care who that is")
  func independent() throws {
    let provided = try Provided()
    let package = try module().file()
    let grant = try GrantFixture(for: provided.identity()).file()
    #expect(try provided.client.refusal(package: package, grant: grant) == nil)
    #expect(provided.timesAsked == 0, "it has no clock, and isn't asked for one")
  }

  @Test("the one ends when the other hangs up")
  func hangUp() throws {
    let provided = try Provided()
    _ = try provided.client.ask(.hello)
    provided.hangUp()
    let outcome = try provided.decryptor.outcome()
    #expect(outcome.status == 0)
    #expect(outcome.stderr == "")
  }

  @Test("the one's time is what the other says, for each request anew")
  func time() throws {
    let provided = try Provided(hasTrustedClock: true)
    provided.time = .value(Moment.present)
    let package = try module().file()
    var grant = GrantFixture(for: try provided.identity())
    grant.terms.notBefore = Moment.present - 10
    grant.terms.notAfter = Moment.present + 10
    let file = try grant.file()
    func refusal() throws -> ErrorClass? { try provided.client.refusal(package: package, grant: file) }
    let asked = provided.timesAsked
    #expect(try refusal() == nil)
    #expect(provided.timesAsked == asked + 1)
    for (time, errorClass) in [
      (Moment.present - 10, nil), (Moment.present - 11, .notYetValid), (Moment.present + 10, nil),
      (Moment.present + 11, .expired), (Moment.present, nil),
    ] as [(UInt64, ErrorClass?)] {
      provided.time = .value(time)
      #expect(try refusal() == errorClass, "\(time)")
    }
  }

  @Test("the one loads nothing while the other can't tell the time that it should know, and does all else")
  func noTime() throws {
    let provided = try Provided(hasTrustedClock: true)
    provided.time = .value(Moment.present)
    let package = try module().file()
    let grant = try GrantFixture(for: provided.identity()).file()
    for answer in [.nothing, .failed(.io), .failed(.internal)] as [ProviderReply.Result] {
      provided.time = answer
      #expect(try provided.client.refusal(package: package, grant: grant) == .internal)
      #expect(try provided.client.ask(.hello) == .hello(version: 1))
    }
    provided.time = .value(Moment.present)
    #expect(try provided.client.refusal(package: package, grant: grant) == nil)
  }

  // MARK: Starts that fail

  /// Starts a decryptor and answers its first request so.
  private func start(answering answer: [UInt8]?, descriptors: [Int32] = []) throws -> Outcome {
    let (near, far) = try socketPair()
    let (client, theirs) = try socketPair()
    defer { close(client) }
    let decryptor = try Provided.start(provider: far, socket: theirs)
    close(far)
    close(theirs)
    let channel = Channel(socket: near)
    #expect(try ProviderRequest(parsing: channel.receive().bytes[...]).operation == .secrets)
    if let answer { try channel.send(answer, descriptors: descriptors) } else { close(near) }
    defer { if answer != nil { close(near) } }
    return try decryptor.outcome()
  }

  private func expectNoStart(_ outcome: Outcome, _ errorClass: ErrorClass, _ comment: Comment? = nil) {
    #expect(outcome.stderr == "husk: decryptor: refused to start: \(errorClass.name)\n", comment)
    #expect(outcome.stdout == "")
    #expect(outcome.status == 101)
  }

  @Test("the one doesn't start with what isn't a handoff")
  func malformed() throws {
    let handoff = try Provided.handoff(hasTrustedClock: false)
    let secrets = testBytes(64)
    let notes = handoff.notes.encoded()
    let answers: [([UInt8]?, ErrorClass)] = [
      (nil, .internal), ([], .internal), (secrets, .malformed), (secrets + notes.dropLast(), .malformed),
      (secrets + notes + [0], .malformed), (secrets + [0xff], .malformed), (secrets.dropLast(), .malformed),
      (ProviderReply(id: 1, result: .failed(.notFound)).encoded(), .notFound),
      (ProviderReply(id: 1, result: .value(0)).encoded(), .malformed), (secrets + testBytes(40_000), .limitExceeded),
    ]
    for (answer, errorClass) in answers {
      expectNoStart(try start(answering: answer), errorClass, "\(answer?.count ?? -1) bytes")
    }
    try withFile([1]) { file in
      expectNoStart(try start(answering: secrets + notes, descriptors: [file]), .limitExceeded, "a descriptor")
    }
  }

  @Test("the one doesn't wait for ever for the other's first word")
  func silence() throws {
    let (near, far) = try socketPair()
    let (client, theirs) = try socketPair()
    defer { for socket in [near, client] { close(socket) } }
    let decryptor = try Provided.start(provider: far, socket: theirs)
    close(far)
    close(theirs)
    expectNoStart(try decryptor.outcome(), .internal)
  }

  @Test("the one doesn't start without the other, nor with a socket for clients that isn't one")
  func noSockets() throws {
    let (near, far) = try socketPair()
    defer { for socket in [near, far] { close(socket) } }
    var readEnd: Int32 = -1
    var writeEnd: Int32 = -1
    try #require(linux_pipe(&readEnd, &writeEnd) == 0)
    defer { for end in [readEnd, writeEnd] { close(end) } }
    expectNoStart(try Provided.start(provider: readEnd, socket: far).outcome(), .internal)
    let provided = try Provided(socket: readEnd)
    expectNoStart(try provided.decryptor.outcome(), .invalidArgument)
  }
}

private func socketPair() throws -> (Int32, Int32) {
  var near: Int32 = -1
  var far: Int32 = -1
  try #require(linux_socket_pair(&near, &far) == 0)
  return (near, far)
}

/// A decryptor, with a provider that answers in a thread of its own until it is told to hang up.
final class Provided {
  let decryptor: Program
  let client: SecureWorldClient
  private let near: Int32
  private let answers: Answers
  private let ended = DispatchSemaphore(value: 0)
  private var isOpen = true

  private final class Answers: Sendable {
    let time = Mutex(ProviderReply.Result.nothing)
    let timesAsked = Mutex(0)
  }

  var time: ProviderReply.Result {
    get { answers.time.withLock { $0 } }
    set { answers.time.withLock { $0 = newValue } }
  }

  var timesAsked: Int { answers.timesAsked.withLock { $0 } }

  /// - Parameter socket: what the decryptor gets for its clients; nil for a connected socket.
  init(hasTrustedClock: Bool = false, socket: Int32? = nil) throws {
    let answers = Answers()
    self.answers = answers
    let (near, far) = try socketPair()
    self.near = near
    let (ours, theirs) = try socketPair()
    decryptor = try Self.start(provider: far, socket: socket ?? theirs)
    close(far)
    close(theirs)
    client = SecureWorldClient(socket: ours, rom: decryptor)
    let ended = ended
    let thread = Thread {
      try? Self.serve(Channel(socket: near), answers, hasTrustedClock: hasTrustedClock)
      ended.signal()
    }
    thread.start()
  }

  deinit { hangUp() }

  func hangUp() {
    guard isOpen else { return }
    isOpen = false
    shutdown(near, Int32(SHUT_RDWR))
    ended.wait()
    close(near)
  }

  func identity() throws -> DeviceIdentity {
    try IdentityFile(client.identity()).verify(with: .vendor, bootRoots: [TestKey.bootRoot.thumbprint]).value
  }

  static func start(provider: Int32, socket: Int32) throws -> Program {
    let storage = [linux_memory_file_module("storage"), linux_memory_file_module("storage")]
    defer { for file in storage { close(file) } }
    return try Program(
      Release.host.stage("decryptor").path, environment: [:],
      descriptors: [
        (number: 3, descriptor: provider), (number: 4, descriptor: socket), (number: 5, descriptor: storage[0]),
        (number: 6, descriptor: storage[1]),
      ])
  }

  private static func serve(_ channel: Channel, _ answers: Answers, hasTrustedClock: Bool) throws {
    var counter: UInt64 = 0
    while true {
      let message = try channel.receive()
      let request = try ProviderRequest(parsing: message.bytes[...])
      switch request.operation {
      case .secrets:
        let handoff = try handoff(hasTrustedClock: hasTrustedClock)
        let secrets = handoff.secrets.attest.withBytes { $0.withUnsafeBytes { Array($0) } }
        let seal = handoff.secrets.seal.withBytes { $0.withUnsafeBytes { Array($0) } }
        try channel.send(secrets + seal + handoff.notes.encoded())
      case .time:
        answers.timesAsked.withLock { $0 += 1 }
        // A stale answer first: it is for nobody.
        try channel.send(ProviderReply(id: request.id - 1, result: .failed(.rollback)).encoded())
        try channel.send(ProviderReply(id: request.id, result: answers.time.withLock { $0 }).encoded())
      case .readCounter, .incrementCounter:
        if request.operation == .incrementCounter { counter += 1 }
        try channel.send(ProviderReply(id: request.id, result: .value(counter)).encoded())
      case .confirm, .tryStaged:
        try channel.send(ProviderReply(id: request.id, result: .failed(.notFound)).encoded())
      }
    }
  }

  /// What no boot chain has derived.
  static func handoff(hasTrustedClock: Bool) throws -> Handoff {
    let fixture = IdentityFixture()
    var state = BootState.fixture
    state.silicon = try fixture.silicon.encoded()
    state.hasTrustedClock = hasTrustedClock
    var secrets = DICE.Secrets(attest: try secret(fixture.uds), seal: try secret(fixture.uds))
    var certificates: [[UInt8]] = []
    for layer in fixture.layers {
      let next = try secrets.derived(with: layer.inputs)
      certificates.append(
        try DICECertificate.issue(
          inputs: layer.inputs, subject: DICE.signingKey(from: next.attest),
          issuer: DICE.signingKey(from: secrets.attest)))
      secrets = next
    }
    return Handoff(
      secrets: secrets,
      notes: HandoffNotes(
        state: state, certificates: certificates, firmwareUser: 64902, firmwareGroup: 64902,
        boot: BootNotes(slot: .a)))
  }
}
