import CBOR
import CFuzzer
import CLinux
import ErrorClass
import HuskFormat
import SecureWorld

@testable import Decryptor

extension FuzzTarget {
  /// The protocol from the firmware's side: a message and files, as they come to a worker of the decryptor.
  ///
  /// An input is an array of byte strings: the message, and each file's bytes.
  static let requests = FuzzTarget(name: "requests") { bytes in
    guard let parts = Parts.read(bytes), let message = parts.first, parts.count <= 4 else { return false }
    serve(message, parts.dropFirst().map { $0 })
    // The same with files that are signed anew.
    let anew = parts.dropFirst().map { Parts.signedAnew($0) }
    if anew != parts.dropFirst().map({ $0 }) { serve(message, anew) }
    return true
  } seeds: { vector in
    var seeds: [[UInt8]] = []
    func add(_ operation: SecureWorld.Operation, _ wishes: Request.Wishes = Request.Wishes(), _ files: [UInt8]...) {
      seeds.append(Parts.write([Request(id: 2, operation: operation, wishes).encoded()] + files))
    }
    switch vector.kind {
    case "load":
      let grant = vector.base64("grant").first ?? []
      add(.load, Request.Wishes(), vector.object, grant)
      add(.load, Request.Wishes(progress: true, onTrial: true), vector.object, grant)
      for list in vector.base64("list") { add(.statusList, Request.Wishes(), list) }
    case "package":
      add(.check, Request.Wishes(), vector.object)
      add(.check, Request.Wishes(segments: 0..<3), vector.object)
    case "grant": add(.check, Request.Wishes(), vector.object)
    case "status-list":
      add(.statusList, Request.Wishes(), vector.object)
      add(.check, Request.Wishes(), vector.object)
    default:
      for operation: SecureWorld.Operation in [.hello, .identity, .protections, .confirm, .tryStaged] { add(operation) }
    }
    return seeds
  }

  /// Has a worker answer a message.
  private static func serve(_ message: [UInt8], _ files: [[UInt8]]) {
    // A worker leaves files open: it is a process that ends.
    let first = linux_memory_file_module("first")
    handle(message, files)
    fuzzer_close_from(first)
  }

  /// A worker says one thing of a message to the decryptor, whatever it is.
  private static func handle(_ message: [UInt8], _ files: [[UInt8]]) {
    let client = SocketPair()
    let parent = SocketPair()
    guard Parts.send(message, files: files, to: client.far) else { return }
    let handler = RequestHandler(
      client: Channel(socket: client.near), parent: Channel(socket: parent.near), context: FuzzedDevice.context)
    let isHandled = FuzzedDevice.withKeys { keys in
      attempt { () throws(Channel.Failure) in try handler.handle(keys) } != nil
    }
    expect(isHandled, "a worker can't tell what came of a request")
    var ends = 0
    while linux_wait_readable(parent.far, 0) == 1 {
      guard var message = attempt({ () throws(Channel.Failure) in try Channel(socket: parent.far).receive() }),
        let report = WorkerReport(message.bytes)
      else { return expect(false, "a worker's report isn't one") }
      expect(report.encoded() == message.bytes, "a report isn't written as it was read")
      switch report {
      case .started: continue
      case .disconnected: ends += 1
      case .finished(let id, let result):
        ends += 1
        let file = message.takeDescriptor(0)
        if case .failed(.internal) = result { expect(false, "a second decision isn't the first") }
        if case .released = result {
          expect(linux_is_sealed(file) == 1, "a module leaves unsealed")
        } else {
          expect(file < 0, "a file comes with what isn't a module")
        }
        if file >= 0 { close(file) }
        checkReply(id, result)
      }
    }
    expect(ends == 1, "a worker doesn't end with one result")
  }

  /// What the decryptor would answer is what libhusk reads.
  private static func checkReply(_ id: UInt64, _ result: WorkerReport.Result) {
    let (reply, operation): (Reply.Result, SecureWorld.Operation)
    switch result {
    case .released(let module, _, _, _): (reply, operation) = (.loaded(module), .load)
    case .checked(let file): (reply, operation) = (.checked(file), .check)
    case .failed(let errorClass): (reply, operation) = (.failed(errorClass), .load)
    default: return
    }
    let answer = Reply(id: id, result: reply)
    let read = attempt { () throws(CBORError) in try Reply(parsing: answer.encoded()[...], to: operation) }
    expect(read == answer, "an answer isn't read as it was written")
  }
}
