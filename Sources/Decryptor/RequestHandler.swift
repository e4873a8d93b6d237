import CBOR
import CLinux
import ErrorClass
import HuskFormat
import SecureWorld

/// What a worker process does: receives one request from the client, works on it, reports to the decryptor.
struct RequestHandler {
  let client: Channel
  let parent: Channel
  let context: DecisionContext

  func handle(_ keys: borrowing DeviceKeys) throws(Channel.Failure) {
    var message: Message
    do throws(Channel.Failure) {
      message = try client.receive()
    } catch {
      return try report(error == .disconnected ? .disconnected : .finished(id: 0, .failed(.malformed)))
    }
    let request: Request
    do throws(Request.Refusal) {
      request = try Request(parsing: message.bytes[...], descriptorCount: message.descriptorCount)
    } catch {
      return try report(.finished(id: error.id, .failed(.malformed)))
    }
    try report(.started(id: request.id))
    switch request.operation {
    case .hello: try report(.finished(id: request.id, .hello))
    case .identity: try report(.finished(id: request.id, .identity))
    case .protections: try report(.finished(id: request.id, .protections))
    case .confirm: try report(.finished(id: request.id, .confirm))
    case .tryStaged: try report(.finished(id: request.id, .tryStaged))
    case .statusList: try takeStatusList(request.id, file: message.takeDescriptor(0))
    case .check: try check(request, file: message.takeDescriptor(0), keys)
    case .load:
      try load(request, package: message.takeDescriptor(0), grant: message.takeDescriptor(1), keys)
    }
  }

  /// The descriptors are closed when this process ends, which is right after.
  private func load(
    _ request: Request, package: Int32, grant: Int32, _ keys: borrowing DeviceKeys
  ) throws(Channel.Failure) {
    let id = request.id
    let progress = request.wishes.progress ? ProgressReporter(client: client, id: id) : nil
    let result: LoadRequest.Result
    do throws(ErrorClass) {
      result = try LoadRequest(package: package, grant: grant, isOnTrial: request.wishes.onTrial)
        .perform(keys, context, progress: progress)
    } catch {
      return try report(.finished(id: id, .failed(error)))
    }
    try report(
      .finished(
        id: id,
        .released(
          result.module, vendorScope: result.vendorScope, time: result.time, isOnTrial: request.wishes.onTrial)),
      file: result.file)
  }

  private func check(_ request: Request, file: Int32, _ keys: borrowing DeviceKeys) throws(Channel.Failure) {
    let checked: CheckedFile
    do throws(ErrorClass) {
      checked = try FileCheck(file).perform(keys.state, context, segments: request.wishes.segments)
    } catch {
      return try report(.finished(id: request.id, .failed(error)))
    }
    try report(.finished(id: request.id, .checked(checked)))
  }

  private func takeStatusList(_ id: UInt64, file: Int32) throws(Channel.Failure) {
    let list: ShownStatusList
    do throws(ErrorClass) {
      list = try ShownStatusList(StatusListFile.read(file), context)
    } catch {
      return try report(.finished(id: id, .failed(error)))
    }
    try report(.finished(id: id, .statusList(list.mark, vendorScope: list.vendorScope, payload: list.payload)))
  }

  private func report(_ report: WorkerReport, file: Int32 = -1) throws(Channel.Failure) {
    try parent.send(report.encoded(), descriptors: file >= 0 ? [file] : [])
  }
}
