import DeviceStore
import ErrorClass
import Synchronization

/// Storage in which some operation fails, after a number of them that don't.
final class FaultyStorage: Storage, Sendable {
  enum Operation {
    case write
    case synchronize
    case freeSpace
  }

  private let base: POSIXStorage
  private let fault: Mutex<(operation: Operation, errorClass: ErrorClass, after: Int)?>

  init(_ base: POSIXStorage, _ operation: Operation, _ errorClass: ErrorClass, after count: Int = 0) {
    self.base = base
    fault = Mutex((operation, errorClass, count))
  }

  private func mayDo(_ operation: Operation) throws(ErrorClass) {
    let failure: ErrorClass? = fault.withLock { fault in
      guard let (faulty, errorClass, after) = fault, faulty == operation else { return nil }
      fault?.after = after - 1
      return after > 0 ? nil : errorClass
    }
    if let failure { throw failure }
  }

  func open(_ path: StoragePath, _ mode: StorageMode) throws(ErrorClass) -> Int32 { try base.open(path, mode) }
  func lock(_ path: StoragePath) throws(ErrorClass) -> Int32 { try base.lock(path) }
  func close(_ file: Int32) { base.close(file) }
  func kind(of path: StoragePath) throws(ErrorClass) -> StorageKind? { try base.kind(of: path) }
  func size(of file: Int32) throws(ErrorClass) -> UInt64 { try base.size(of: file) }
  func read(_ file: Int32, at offset: UInt64, count: Int) throws(ErrorClass) -> [UInt8] {
    try base.read(file, at: offset, count: count)
  }
  func write(_ bytes: RawSpan, to file: Int32, at offset: UInt64) throws(ErrorClass) {
    try mayDo(.write)
    try base.write(bytes, to: file, at: offset)
  }
  func resize(_ file: Int32, to size: UInt64) throws(ErrorClass) { try base.resize(file, to: size) }
  func synchronize(_ file: Int32) throws(ErrorClass) {
    try mayDo(.synchronize)
    try base.synchronize(file)
  }
  func rename(_ path: StoragePath, to target: StoragePath) throws(ErrorClass) { try base.rename(path, to: target) }
  func remove(_ path: StoragePath) throws(ErrorClass) { try base.remove(path) }
  func makeDirectory(_ path: StoragePath) throws(ErrorClass) { try base.makeDirectory(path) }
  func synchronizeDirectory(_ path: StoragePath) throws(ErrorClass) { try base.synchronizeDirectory(path) }
  func names(in directory: StoragePath) throws(ErrorClass) -> [[UInt8]] { try base.names(in: directory) }
  func freeSpace() throws(ErrorClass) -> UInt64 {
    try mayDo(.freeSpace)
    return try base.freeSpace()
  }
}
