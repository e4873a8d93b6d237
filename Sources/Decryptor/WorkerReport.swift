import CBOR
import Cryptography
import ErrorClass
import HuskFormat
import SecureWorld

/// What a worker tells the decryptor: first what it works on, then what came of it.
enum WorkerReport: Equatable {
  case started(id: UInt64)
  /// The client closed its end.
  case disconnected
  case finished(id: UInt64, Result)

  enum Result: Equatable {
    case failed(ErrorClass)
    case hello
    case identity
    case protections
    case confirm
    case tryStaged
    /// A module; its sealed memory file travels beside the report.
    case released(LoadedModule, vendorScope: Scope, time: UInt64, isOnTrial: Bool)
    /// A file passed the check.
    case checked(CheckedFile)
    /// A status list, verified.
    case statusList(StatusMark, vendorScope: Scope, payload: [UInt8])
  }

  func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    switch self {
    case .started(let id):
      encoder.beginArray(2)
      encoder.encode(unsigned: Kind.started)
      encoder.encode(unsigned: id)
    case .disconnected:
      encoder.beginArray(1)
      encoder.encode(unsigned: Kind.disconnected)
    case .finished(let id, .failed(let errorClass)):
      encoder.beginArray(3)
      encoder.encode(unsigned: Kind.failed)
      encoder.encode(unsigned: id)
      encoder.encode(integer: Int64(errorClass.rawValue))
    case .finished(let id, .hello):
      encoder.beginArray(2)
      encoder.encode(unsigned: Kind.hello)
      encoder.encode(unsigned: id)
    case .finished(let id, .identity):
      encoder.beginArray(2)
      encoder.encode(unsigned: Kind.identity)
      encoder.encode(unsigned: id)
    case .finished(let id, .protections):
      encoder.beginArray(2)
      encoder.encode(unsigned: Kind.protections)
      encoder.encode(unsigned: id)
    case .finished(let id, .confirm):
      encoder.beginArray(2)
      encoder.encode(unsigned: Kind.confirm)
      encoder.encode(unsigned: id)
    case .finished(let id, .tryStaged):
      encoder.beginArray(2)
      encoder.encode(unsigned: Kind.tryStaged)
      encoder.encode(unsigned: id)
    case .finished(let id, .released(let module, let vendorScope, let time, let isOnTrial)):
      encoder.beginArray(6)
      encoder.encode(unsigned: Kind.released)
      encoder.encode(unsigned: id)
      module.encode(to: &encoder)
      encoder.encode(bytes: vendorScope.bytes)
      encoder.encode(unsigned: time)
      encoder.encode(bool: isOnTrial)
    case .finished(let id, .checked(let file)):
      encoder.beginArray(3)
      encoder.encode(unsigned: Kind.checked)
      encoder.encode(unsigned: id)
      file.encode(to: &encoder)
    case .finished(let id, .statusList(let mark, let vendorScope, let payload)):
      encoder.beginArray(7)
      encoder.encode(unsigned: Kind.statusList)
      encoder.encode(unsigned: id)
      encoder.encode(bytes: mark.scope.bytes)
      encoder.encode(unsigned: mark.number)
      encoder.encode(bytes: mark.digest)
      encoder.encode(bytes: vendorScope.bytes)
      encoder.encode(bytes: payload)
    }
    return encoder.bytes
  }

  /// Nil if it isn't a report.
  init?(_ message: [UInt8]) {
    do throws(CBORError) {
      self = try Self.parse(message)
    } catch {
      return nil
    }
  }
}

extension WorkerReport {
  private enum Kind {
    static let started: UInt64 = 0
    static let disconnected: UInt64 = 1
    static let failed: UInt64 = 2
    static let hello: UInt64 = 3
    static let identity: UInt64 = 4
    static let released: UInt64 = 5
    static let protections: UInt64 = 6
    static let statusList: UInt64 = 7
    static let confirm: UInt64 = 8
    static let tryStaged: UInt64 = 9
    static let checked: UInt64 = 10
  }

  private static func parse(_ message: [UInt8]) throws(CBORError) -> WorkerReport {
    var reader = CBORReader(message)
    _ = try reader.readArrayHeader(atMost: 7)
    let kind = try reader.readUnsigned()
    if kind == Kind.disconnected {
      try reader.finish()
      return .disconnected
    }
    let id = try reader.readUnsigned()
    let report: WorkerReport
    switch kind {
    case Kind.started: report = .started(id: id)
    case Kind.failed:
      guard let number = Int32(exactly: try reader.readInteger()), let errorClass = ErrorClass(rawValue: number) else {
        throw CBORError(.outOfRange, at: 0)
      }
      report = .finished(id: id, .failed(errorClass))
    case Kind.hello: report = .finished(id: id, .hello)
    case Kind.identity: report = .finished(id: id, .identity)
    case Kind.protections: report = .finished(id: id, .protections)
    case Kind.confirm: report = .finished(id: id, .confirm)
    case Kind.tryStaged: report = .finished(id: id, .tryStaged)
    case Kind.released:
      let module = try LoadedModule(&reader)
      guard let scope = Scope(try reader.readBytes()) else { throw CBORError(.outOfRange, at: 0) }
      let time = try reader.readUnsigned()
      report = .finished(
        id: id, .released(module, vendorScope: scope, time: time, isOnTrial: try reader.readBool()))
    case Kind.checked: report = .finished(id: id, .checked(try CheckedFile(&reader)))
    case Kind.statusList:
      guard let scope = Scope(try reader.readBytes()) else { throw CBORError(.outOfRange, at: 0) }
      let mark = StatusMark(
        scope: scope, number: try reader.readUnsigned(), digest: Array(try reader.readBytes(count: SHA256.byteCount)))
      guard let vendorScope = Scope(try reader.readBytes()) else { throw CBORError(.outOfRange, at: 0) }
      report = .finished(
        id: id, .statusList(mark, vendorScope: vendorScope, payload: Array(try reader.readBytes())))
    default: throw CBORError(.outOfRange, at: 0)
    }
    try reader.finish()
    return report
  }
}
