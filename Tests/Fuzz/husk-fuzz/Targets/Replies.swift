import CBOR
import CHusk
import CLinux
import ErrorClass
import FormatFixtures
import HuskFormat
import Protections
import SecureWorld

@testable import Loader

extension FuzzTarget {
  /// The protocol from a hostile decryptor's side: messages as they come to libhusk, after the answer to its greeting.
  ///
  /// An input is an array: the number of what is asked for, and messages; one in an array of its own comes with a file,
  /// whose bytes follow it there.
  static let replies = FuzzTarget(name: "replies") { bytes in
    guard let script = Script(bytes), let operation = SecureWorld.Operation(rawValue: script.operation) else {
      return false
    }
    for (message, _) in script.messages { checkMessage(message, to: operation) }
    let socket = SocketPair()
    let file = InputFile([1])
    let greeting = Reply(id: 1, result: .hello(version: SecureWorldProtocol.version)).encoded()
    if operation != .hello { _ = Parts.send(greeting, files: [], to: socket.far) }
    for (message, files) in script.messages {
      // More than the socket holds doesn't come.
      guard Parts.send(message, files: files, to: socket.far, waits: false) else { break }
    }
    // Whoever waits for more is told that there is none.
    shutdown(socket.far, Int32(SHUT_WR))
    ask(operation, socket.near, file.descriptor)
    return true
  } seeds: { vector in
    guard vector.kind == "grant" || vector.kind == "load" else { return [] }
    return Script.seeds(vector)
  }

  /// Has libhusk ask for something.
  private static func ask(_ operation: SecureWorld.Operation, _ socket: Int32, _ file: Int32) {
    guard let device = attempt({ () throws(ErrorClass) in try Device(socket: socket, log: Log(husk_open_options())) })
    else { return }
    switch operation {
    case .hello: break
    case .identity: _ = attempt { () throws(ErrorClass) in try device.identity() }
    case .protections: _ = attempt { () throws(ErrorClass) in try device.protections() }
    case .statusList: _ = attempt { () throws(ErrorClass) in try device.showStatusList(file) }
    case .confirm: _ = attempt { () throws(ErrorClass) in try device.confirm() }
    case .tryStaged: _ = attempt { () throws(ErrorClass) in try device.tryStaged() }
    case .check:
      var teller = ProgressTeller({ _, _, _ in 0 }, nil)
      _ = attempt { () throws(ErrorClass) in
        try device.checkWhole(file) { (done, total) throws(ErrorClass) in try teller.report(done, of: total) }
      }
    case .load:
      var options = husk_load_options()
      options.progress = { _, done, total in
        expect(done <= total, "more is done than there is")
        return 0
      }
      // Files come unsealed, so that nothing of them is run.
      let module = attempt { () throws(ErrorClass) in try device.load(package: file, grant: file, options) }
      expect(module == nil, "an unsealed file was loaded")
    }
  }

  private static func checkMessage(_ message: [UInt8], to operation: SecureWorld.Operation) {
    switch attempt({ () throws(CBORError) in try DecryptorMessage(parsing: message[...], to: operation) }) {
    case .progress(let progress): expect(progress.encoded() == message, "progress isn't written as it was read")
    case .reply(let reply):
      expect(reply.encoded() == message, "a reply isn't written as it was read")
      if case .checked(let file) = reply.result { checkSegments(of: file) }
    case nil: break
    }
  }

  /// Numbers of a decryptor that lies must not trap.
  private static func checkSegments(of file: CheckedFile) {
    let count = file.segments
    for index in [0, 1, 2, count &- 1, count, count &+ 1, .max] { _ = file.end(of: index) }
  }
}

/// What a hostile decryptor says.
private struct Script {
  let operation: UInt64
  var messages: [(message: [UInt8], files: [[UInt8]])] = []

  init?(_ bytes: [UInt8]) {
    do throws(CBORError) {
      var reader = CBORReader(bytes)
      let count = try reader.readArrayHeader(atMost: 32)
      guard count > 0 else { return nil }
      operation = try reader.readUnsigned()
      for _ in 1..<count {
        if try reader.peekType() == .bytes {
          messages.append((Array(try reader.readBytes()), []))
        } else {
          var parts: [[UInt8]] = []
          for _ in 0..<(try reader.readArrayHeader(atMost: 5)) { parts.append(Array(try reader.readBytes())) }
          guard let message = parts.first else { return nil }
          messages.append((message, Array(parts.dropFirst())))
        }
      }
      try reader.finish()
    } catch {
      return nil
    }
  }

  private static func write(_ operation: SecureWorld.Operation, _ messages: [[UInt8]], file: [UInt8]? = nil) -> [UInt8]
  {
    var encoder = CBOREncoder()
    encoder.beginArray(1 + messages.count)
    encoder.encode(unsigned: operation.rawValue)
    for message in messages {
      if let file, message == messages.last {
        encoder.encode(encoded: Parts.write([message, file]))
      } else {
        encoder.encode(bytes: message)
      }
    }
    return encoder.bytes
  }

  /// Every kind of answer, with what a vector says in it.
  static func seeds(_ vector: VectorFile) -> [[UInt8]] {
    func reply(_ result: Reply.Result, id: UInt64 = 2) -> [UInt8] { Reply(id: id, result: result).encoded() }
    let module = LoadedModule(
      name: Array("com.acme.codec".utf8), version: [1, 2, 3], securityVersion: 4, epoch: 7, size: 100, sequence: 5,
      notBefore: 1, notAfter: Moment.present, features: [1, 2, 3], mayBeExecuteOnly: true)
    let package = CheckedFile(
      role: Role.module.bytes, name: Array("com.acme.codec".utf8), version: [1, 2, 3], securityVersion: 4, epoch: 7,
      payloadOffset: 600, payloadSize: 40_000_000, firstSegment: 262_456, segment: 262_400,
      digest: bytes(named: "package"))
    let facts = [1, 2, 3].map { ProtectionFact(number: $0, state: .active, detail: 7) }
    let checks = [reply(.checked(package)), reply(.checked(package), id: 3), reply(.checked(package), id: 4)]
    return [
      write(.hello, [reply(.hello(version: 1), id: 1)]), write(.hello, [reply(.hello(version: 2), id: 1)]),
      write(.identity, [reply(.identity(Array(vector.object.prefix(400))))]),
      write(.protections, [reply(.protections(facts))]), write(.statusList, [reply(.statusList)]),
      write(.confirm, [reply(.done)]), write(.tryStaged, [reply(.failed(.rollback))]), write(.check, checks),
      write(
        .load, [Progress(id: 2, done: 1, total: 2).encoded(), reply(.loaded(module))],
        file: Array(vector.object.prefix(400))),
      write(.load, [reply(.loaded(module), id: 1), reply(.failed(.notAModule))]), write(.identity, []),
    ]
  }
}
