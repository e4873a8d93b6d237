import CLinux
import Glibc
public import HostSupport
public import HuskFormat

/// Where the records of a job wait until all are there: a file of sorted runs that grows by whole runs, so that a job
/// that was interrupted goes on where it stopped.
///
/// The file is no format: only the job that wrote it can read it.
public struct GrantSpool: ~Copyable {
  public let path: String
  private let descriptor: Int32

  /// Opens a job's spool, cut off behind the records that count, or makes it. Nobody else can open it meanwhile.
  ///
  /// - Parameters:
  ///   - job: what tells the job from others, 32 bytes.
  ///   - records: how many the job has recorded.
  /// - Throws: `alreadyExists` if it is another job's; `notFound` if not all the records are there.
  public init(_ path: String, job: [UInt8], records: UInt64) throws(FileError) {
    let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (records == 0 ? O_CREAT : 0), 0o600)
    guard descriptor >= 0 else { throw FileError(path: path, errno: linux_errno()) }
    do throws(FileError) {
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw FileError(path, .system(EBUSY)) }
      try takePossession(of: descriptor, path, job: job, records: records)
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Sorts records by device and writes them as a run behind `start` others; they are on disk when it returns.
  public borrowing func write(_ records: [GrantRecord], at start: UInt64) throws(FileError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(records.count * GrantRecord.size)
    // A record is moved once: what is sorted is where each one is.
    var places = records.indices.map { (beginning: beginning(of: records[$0].deviceID), index: $0) }
    places.sort { one, other in
      one.beginning != other.beginning
        ? one.beginning < other.beginning : precedes(records[one.index].deviceID, records[other.index].deviceID)
    }
    for place in places { bytes += records[place.index].bytes }
    guard linux_pwrite_all(descriptor, bytes, bytes.count, Self.offset(of: start)) == 0, fdatasync(descriptor) == 0
    else {
      throw FileError(path: path, errno: linux_errno())
    }
  }

  fileprivate static func offset(of record: UInt64) -> UInt64 { 32 + record * UInt64(GrantRecord.size) }

  /// Reads records from one on.
  borrowing func read(at start: UInt64, count: Int) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count * GrantRecord.size) { buffer, used in
      let read = linux_pread_all(descriptor, buffer.baseAddress, buffer.count, Self.offset(of: start))
      if read < 0 { failure = linux_errno() }
      used = max(read, 0)
    }
    guard failure == 0 else { throw FileError(path: path, errno: failure) }
    // What was on disk when the job said so is gone: somebody else wrote to the file.
    guard bytes.count == count * GrantRecord.size else { throw FileError(path, .system(EIO)) }
    return bytes
  }
}

/// The first eight bytes of a device id, as a number: nearly always enough to tell which of two comes first.
private func beginning(of id: ArraySlice<UInt8>) -> UInt64 {
  id.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
}

/// Sees to it that a file is the spool of a job, and has these records and no others.
private func takePossession(
  of descriptor: Int32, _ path: String, job: [UInt8], records: UInt64
) throws(FileError) {
  var owner = [UInt8](repeating: 0, count: job.count)
  let found = linux_pread_all(descriptor, &owner, owner.count, 0)
  guard found >= 0 else { throw FileError(path: path, errno: linux_errno()) }
  // Nothing was ever recorded of one that is shorter.
  let isNew = found < owner.count
  guard isNew || owner == job else { throw FileError(path, .alreadyExists) }
  guard let end = Int64(exactly: GrantSpool.offset(of: records)),
    records == 0 || linux_regular_file_size(descriptor) >= end
  else { throw FileError(path, .notFound) }
  if isNew, linux_pwrite_all(descriptor, job, job.count, 0) != 0 { throw FileError(path: path, errno: linux_errno()) }
  guard ftruncate(descriptor, off_t(end)) == 0 else { throw FileError(path: path, errno: linux_errno()) }
  try flushDirectory(of: path)
}

/// The sorted runs of a part of a spool, merged: one record after another in the order of their devices, in a memory
/// that depends on the number of runs alone, and little on that.
struct RunMerge: ~Copyable {
  private var runs: [Run] = []
  /// Indices of the runs that have records left, as a heap by their next record.
  private var heap: [Int] = []

  /// - Parameter records: those of the part.
  init(_ spool: borrowing GrantSpool, records: Range<UInt64>) throws(FileError) {
    var start = records.lowerBound
    while start < records.upperBound {
      let end = try Self.endOfRun(spool, start..<records.upperBound)
      runs.append(try Run(spool, start..<end))
      start = end
    }
    heap = Array(runs.indices)
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  /// Where the records that begin a range stop ascending.
  private static func endOfRun(_ spool: borrowing GrantSpool, _ records: Range<UInt64>) throws(FileError) -> UInt64 {
    var position = records.lowerBound
    var last: [UInt8] = []
    while position < records.upperBound {
      let count = Int(min(4096, records.upperBound - position))
      let bytes = try spool.read(at: position, count: count)
      for start in stride(from: 0, to: bytes.count, by: GrantRecord.size) {
        let key = bytes[start..<(start + 32)]
        if !last.isEmpty, !precedes(last[...], key) { return position }
        last = Array(key)
        position += 1
      }
    }
    return position
  }

  /// The next record; nil behind the last.
  mutating func next(_ spool: borrowing GrantSpool) throws(FileError) -> ArraySlice<UInt8>? {
    guard let first = heap.first else { return nil }
    let record = runs[first].head
    if try runs[first].advance(spool) {
      sink(0)
    } else {
      heap.swapAt(0, heap.count - 1)
      heap.removeLast()
      if !heap.isEmpty { sink(0) }
    }
    return record
  }

  private mutating func sink(_ start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if runs[heap[child]].precedes(runs[heap[least]]) { least = child }
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  /// A run that is being read.
  private struct Run {
    private var unread: Range<UInt64>
    private var buffer: [UInt8] = []
    private var position = 0
    private var headBeginning: UInt64 = 0

    private static let bufferLength = 64

    init(_ spool: borrowing GrantSpool, _ records: Range<UInt64>) throws(FileError) {
      unread = records
      try fill(spool)
    }

    var head: ArraySlice<UInt8> { buffer[position..<(position + GrantRecord.size)] }
    private var key: ArraySlice<UInt8> { buffer[position..<(position + 32)] }

    /// Whether its next record comes before another's.
    func precedes(_ other: Run) -> Bool {
      headBeginning != other.headBeginning
        ? headBeginning < other.headBeginning : key.lexicographicallyPrecedes(other.key)
    }

    /// Goes to the next record; false behind the last.
    mutating func advance(_ spool: borrowing GrantSpool) throws(FileError) -> Bool {
      position += GrantRecord.size
      if position < buffer.count {
        headBeginning = beginning(of: key)
        return true
      }
      guard !unread.isEmpty else { return false }
      try fill(spool)
      return true
    }

    private mutating func fill(_ spool: borrowing GrantSpool) throws(FileError) {
      let count = Int(min(UInt64(Self.bufferLength), unread.upperBound - unread.lowerBound))
      buffer = try spool.read(at: unread.lowerBound, count: count)
      position = 0
      headBeginning = beginning(of: key)
      unread = (unread.lowerBound + UInt64(count))..<unread.upperBound
    }
  }
}
