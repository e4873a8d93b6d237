import BootChain
import Decryptor
import DeviceStore
import ErrorClass
import FormatFixtures
import HuskFormat
import SecureStorage
import SecureWorld
import StorageSimulation

/// A decryptor that runs: what it keeps and decides, on a simulated storage that holds its two files and the monotonic counter: the real
/// code verifies signatures and digests and remembers; only nothing is decrypted.
final class SecureWorld: FileChecker {
  private let storage: SimulatedStorage
  private var secure: SecureStorage

  /// Starts, with what is found in the storage.
  init(_ storage: SimulatedStorage) throws(ErrorClass) {
    self.storage = storage
    var medium = Medium(storage: storage)
    guard let key = try? secret(named: "storage key") else { throw .outOfMemory }
    secure = try SecureStorage.start(on: &medium, key: key)
  }

  /// What is remembered.
  var state: SecureState { secure.state }

  /// As the platform's code has them (SPEC 7.1, 7.8).
  struct Medium: StorageMedium {
    let storage: SimulatedStorage

    static let files: [StoragePath] = ["storage/0", "storage/1"]
    static let counter: StoragePath = "fuses/counter"

    mutating func read(_ file: Int) throws(ErrorClass) -> [UInt8] {
      do throws(ErrorClass) {
        return try storage.content(of: Self.files[file], atMost: Limits.storage)
      } catch {
        throw .io
      }
    }

    mutating func write(_ bytes: [UInt8], to file: Int) throws(ErrorClass) {
      do throws(ErrorClass) {
        let stored = try StoredFile(Self.files[file], .writing, on: storage)
        try stored.write(bytes, at: 0)
        try stored.resize(to: UInt64(bytes.count))
        try stored.synchronize()
      } catch {
        throw .io
      }
    }

    mutating func counter() throws(ErrorClass) -> UInt64 {
      try MonotonicCounter(StoredFile(Self.counter, .reading, on: storage)).value()
    }

    mutating func increment() throws(ErrorClass) -> UInt64 {
      try MonotonicCounter(StoredFile(Self.counter, .writing, on: storage)).increment()
    }
  }

  private func remember(_ change: (inout SecureState) throws(ErrorClass) -> Void) throws(ErrorClass) {
    var medium = Medium(storage: storage)
    try secure.update(on: &medium, change)
  }

  // MARK: Deciding

  func check(_ file: Int32, segments: Range<UInt64>) throws(ErrorClass) -> CheckedFile {
    let bytes = try content(file)
    var memory = state
    do throws(FormatError) {
      switch FileLabel.detect(Array(bytes.prefix(FileLabel.sequenceLabelSize))) {
      case .package:
        let front = try PackageFront(bytes)
        let manifest = try front.verify(role: .module, fileSize: nil, with: .device)
        guard manifest.value.securityVersion >= memory.floor(of: manifest.value.name) else {
          throw FormatError(.rollback, in: .manifest)
        }
        for index in segments {
          let range = manifest.value.segments.range(of: Int(index))
          guard front.payloadOffset + range.upperBound <= bytes.count else {
            throw FormatError(.sizeMismatch, in: .payload)
          }
          let segment = Array(
            bytes[Int(front.payloadOffset + range.lowerBound)..<Int(front.payloadOffset + range.upperBound)])
          try manifest.value.check(segment: segment.span.bytes, at: Int(index))
        }
        return try CheckedFile(manifest.value, front)
      case .grant:
        let file = try GrantFile(bytes)
        let terms = try file.verify(with: .device).value.terms
        guard terms.sequence >= memory.highestSequence(of: terms.module) else {
          throw FormatError(.rollback, in: .grant)
        }
        return try CheckedFile(terms, file)
      case .statusList:
        let file = try StatusListFile(bytes)
        let list = try file.verify(with: .device)
        let mark = try file.mark(of: list)
        do throws(ErrorClass) {
          try memory.record(mark, of: list.authority.vendorScope)
        } catch {
          throw FormatError(error, in: .statusList)
        }
        return try CheckedFile(list.value, file)
      default: throw FormatError(.malformed, in: .label)
      }
    } catch {
      throw error.errorClass
    }
  }

  func show(statusList file: Int32) throws(ErrorClass) {
    let bytes = try content(file)
    let mark: StatusMark
    let vendorScope: Scope
    do throws(FormatError) {
      let file = try StatusListFile(bytes)
      let list = try file.verify(with: .device)
      mark = try file.mark(of: list)
      vendorScope = list.authority.vendorScope
    } catch {
      throw error.errorClass
    }
    try remember { (state) throws(ErrorClass) in try state.record(mark, of: vendorScope) }
  }

  /// Verifies all of a package and its grant, and remembers them, as a load does.
  func load(package: Int32, grant: Int32, isOnTrial: Bool) throws(ErrorClass) -> CheckedFile {
    let segments = try check(package, segments: 0..<0).segments
    let checked = try check(package, segments: 0..<segments)
    let terms = try check(grant, segments: 0..<0)
    guard terms.epoch == checked.epoch else { throw .wrongEpoch }
    try remember { (state) throws(ErrorClass) in
      try state.record(
        SecureState.Load(
          testName("com.acme.codec"), sequence: terms.number, securityVersion: checked.securityVersion,
          vendorScope: testScope("com.acme."), time: Moment.issued, isOnTrial: isOnTrial))
    }
    return checked
  }

  private func content(_ file: Int32) throws(ErrorClass) -> [UInt8] {
    try storage.read(file, at: 0, count: Int(try storage.size(of: file)))
  }
}
