import CLinux
import Cryptography
public import DeviceStore
public import ErrorClass
import HuskFormat

/// The mock register of floors (SPEC 7.1): records that are only ever appended, as fuse bits are only ever blown.
public struct FloorsRegister<Medium: Storage>: ~Copyable {
  private let file: StoredFile<Medium>

  static var recordSize: UInt64 { 32 }

  /// - Parameter file: open for writing if floors are to be raised.
  public init(_ file: consuming StoredFile<Medium>) {
    self.file = file
  }

  /// The greatest floors that a whole record gives.
  public borrowing func floors() throws(ErrorClass) -> Floors {
    let count = min(try file.size() / Self.recordSize, Limits.floorRecords)
    let bytes = try file.read(at: 0, count: Int(count * Self.recordSize))
    var floors = Floors(loader: 0, decryptor: 0, firmware: 0)
    for start in stride(from: 0, to: bytes.count, by: Int(Self.recordSize)) {
      if let record = try Self.read(bytes[start..<start + Int(Self.recordSize)]) { floors.raise(to: record) }
    }
    return floors
  }

  /// Raises what these floors are above of. It is on the disk when this returns; what is raised already costs nothing.
  public borrowing func raise(to floors: Floors) throws(ErrorClass) {
    let present = try self.floors()
    var next = present
    next.raise(to: floors)
    guard next != present else { return }
    let size = try file.size()
    let records = size / Self.recordSize + (size % Self.recordSize == 0 ? 0 : 1)
    guard records < Limits.floorRecords else { throw .limitExceeded }
    let end = records * Self.recordSize
    // What a power loss left of another record.
    if size != end { try file.resize(to: end) }
    let values = Self.encode(next)
    try file.write(values + Self.check(values), at: end)
    try file.synchronize()
  }
}

extension FloorsRegister<POSIXStorage> {
  /// - Parameter path: of a file that exists.
  public init(path: UnsafePointer<CChar>, _ mode: StorageMode) throws(ErrorClass) {
    let file = mode == .writing ? linux_open_existing(path) : linux_open_read(path)
    guard file >= 0 else { throw .io }
    self.init(StoredFile(owning: file, on: POSIXStorage(root: -1)))
  }
}

extension FloorsRegister {
  private static func encode(_ floors: Floors) -> [UInt8] {
    var bytes: [UInt8] = []
    for floor in [floors.loader, floors.decryptor, floors.firmware] {
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: floor >> UInt64(shift)))
      }
    }
    return bytes
  }

  private static func check(_ values: [UInt8]) throws(ErrorClass) -> [UInt8] {
    do throws(CryptographyError) {
      return Array(try SHA256.hash(values.span.bytes).prefix(8))
    } catch {
      throw .internal
    }
  }

  /// Nil for what isn't a whole record.
  private static func read(_ record: ArraySlice<UInt8>) throws(ErrorClass) -> Floors? {
    let values = Array(record.prefix(24))
    guard record.dropFirst(24).elementsEqual(try check(values)) else { return nil }
    let numbers = (0..<3).map { index in
      values[8 * index..<8 * index + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    return Floors(loader: numbers[0], decryptor: numbers[1], firmware: numbers[2])
  }
}
