import CLinux
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecureWorld
import Simulator

/// A store in a folder of its own, whose decryptor takes files at their word unless a test says otherwise.
final class Bench {
  let scratch: Scratch
  let store: ModuleStore<POSIXStorage>
  let checker = Checker()
  static let codec = Array("com.acme.codec".utf8)

  init() throws {
    scratch = try Scratch()
    let directory = linux_open_directory(scratch.directory.path)
    guard directory >= 0 else { throw ProgramFailure(description: "no folder") }
    store = ModuleStore(on: POSIXStorage(root: directory))
  }

  deinit { close(store.storage.root) }

  /// A package with seven segments, the last one short.
  static func package(_ version: UInt32 = 1, fill: UInt8 = 0, name: String = "com.acme.codec") -> PackageFixture {
    var package = PackageFixture.module(payload: testBytes(56 + 6 * 16_400 + 100).map { $0 ^ fill })
    package.manifest.version = Version(version, 0, 0)
    package.manifest.name = testName(name)
    return package
  }

  static func grant(_ sequence: UInt64 = 5, epoch: UInt64 = 7) throws -> [UInt8] {
    var grant = GrantFixture()
    grant.terms.sequence = sequence
    grant.terms.epoch = epoch
    return try grant.file()
  }

  func reception(resuming name: String? = nil) throws(ErrorClass) -> Reception<POSIXStorage, Checker> {
    try Reception(into: store, checker, resuming: name.map { Array($0.utf8) })
  }

  /// Receives a whole file in pieces; nil, or the class that it is refused with.
  @discardableResult
  func install(_ file: [UInt8], pieces: Int = 1 << 20, resuming name: String? = nil) -> ErrorClass? {
    do throws(ErrorClass) {
      var reception = try reception(resuming: name)
      defer { reception.close() }
      try reception.take(file[Int(reception.position)...], pieces: pieces)
      _ = try reception.finish()
      return nil
    } catch {
      return error
    }
  }

  /// Receives the first bytes only.
  func breakOff(_ file: [UInt8], at count: Int) throws(ErrorClass) {
    var reception = try reception()
    defer { reception.close() }
    try reception.take(file[..<count], pieces: 10_000)
  }

  /// What ``ModuleStore/load(_:_:passedOver:_:)`` comes to.
  struct Load: Equatable {
    var version: UInt32?
    var isOnTrial = false
    var passedOver: [ErrorClass] = []
    var error: ErrorClass?
  }

  /// Loads a module, where `failures` says how versions fail.
  func load(_ failures: [UInt32: LoadFailure] = [:]) -> (Load, ModuleStore<POSIXStorage>.Trial?) {
    var load = Load()
    var trial: ModuleStore<POSIXStorage>.Trial?
    let storage = store.storage
    do throws(ErrorClass) {
      load.version = try store.load(Self.codec, checker, passedOver: { load.passedOver.append($0) }) {
        (candidate) throws(LoadFailure) -> UInt32 in
        let version: UInt32
        do throws(ErrorClass) {
          version = try UnverifiedFiles(on: storage).check(candidate.package, segments: 0..<0).version[0]
        } catch {
          throw LoadFailure(error)
        }
        if let failure = failures[version] { throw failure }
        trial = candidate.trial
        return version
      }
      load.isOnTrial = trial != nil
    } catch {
      load.error = error
    }
    return (load, trial)
  }

  func confirm() throws {
    let (load, trial) = load()
    guard load.error == nil, let trial else { throw ProgramFailure(description: "nothing is on trial: \(load)") }
    try store.confirm(Self.codec, trial)
  }

  /// The kinds of the module's latest events.
  func history() -> [UpdateEvent.Kind] { store.state(of: Self.codec).history.map(\.kind) }

  /// Every file below the store's folder, and its size.
  func files() throws -> [String: Int] {
    var files: [String: Int] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: scratch.directory.path) {
      let attributes = try FileManager.default.attributesOfItem(atPath: file(path).path)
      if attributes[.type] as? FileAttributeType == .typeRegular { files[path] = attributes[.size] as? Int }
    }
    return files
  }

  func file(_ path: String) -> URL { scratch.directory.appending(path: path) }
}

extension Reception where Medium == POSIXStorage, Checker == ModuleStoreTests.Checker {
  mutating func take(_ bytes: ArraySlice<UInt8>, pieces: Int) throws(ErrorClass) {
    var rest = bytes
    while !rest.isEmpty {
      let piece = Array(rest.prefix(pieces))
      rest = rest.dropFirst(pieces)
      try piece.span.bytes.withUnsafeBytes { (bytes) throws(ErrorClass) in try take(bytes) }
    }
  }
}

/// Stands in for the decryptor.
final class Checker: FileChecker {
  /// How packages of a version are refused, before anything else.
  var refusals: [UInt32: ErrorClass] = [:]
  /// How every check fails.
  var failure: ErrorClass?
  /// Segments that were asked for, in order.
  private(set) var asked: [Range<UInt64>] = []
  private(set) var shown = 0
  private let files = UnverifiedFiles(on: POSIXStorage(root: -1))

  func check(_ file: Int32, segments: Range<UInt64>) throws(ErrorClass) -> CheckedFile {
    if let failure { throw failure }
    if !segments.isEmpty { asked.append(segments) }
    let checked = try files.check(file, segments: segments)
    if let refusal = refusals[checked.version[0]] { throw refusal }
    return checked
  }

  func show(statusList file: Int32) throws(ErrorClass) { shown += 1 }
}
