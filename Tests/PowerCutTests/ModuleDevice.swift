import DeviceStore
import ErrorClass
import FormatFixtures
import HuskFormat
import SecureStorage
import SecureWorld
import StorageSimulation

/// What a firmware does with its modules, on a simulated storage: the real code of store and secure storage.
struct ModuleDevice {
  let storage: SimulatedStorage
  let secureWorld: SecureWorld

  /// Starts the decryptor.
  init(_ storage: SimulatedStorage) throws(ErrorClass) {
    self.storage = storage
    secureWorld = try SecureWorld(storage)
  }

  static let codec = Array("com.acme.codec".utf8)

  var store: ModuleStore<SimulatedStorage> { ModuleStore(on: storage) }

  /// A version that runs.
  struct Loaded {
    let release: Release
    let trial: ModuleStore<SimulatedStorage>.Trial?
  }

  /// Opens the store, as a firmware does when it starts.
  func start() throws(ErrorClass) {
    _ = try store.open()
    store.cleanUp()
    for path in store.statusLists() {
      // One that isn't taken isn't the end.
      do throws(ErrorClass) {
        try secureWorld.show(statusList: StoredFile(path, .reading, on: storage).handle)
      } catch {
        if storage.isDead { throw error }
      }
    }
  }

  /// - Parameter fails: the firmware's test of a version.
  func load(failing fails: Release? = nil) throws(ErrorClass) -> Loaded {
    let loaded = try store.load(Self.codec, secureWorld, passedOver: { _ in }) {
      (candidate) throws(LoadFailure) -> Loaded in
      do throws(ErrorClass) {
        let file = try secureWorld.load(
          package: candidate.package, grant: candidate.grant, isOnTrial: candidate.trial != nil)
        guard let release = Release.all.first(where: { $0.version == file.version }) else { throw .internal }
        guard release != fails else { throw .selfTestFailed }
        return Loaded(release: release, trial: candidate.trial)
      } catch {
        throw LoadFailure(error)
      }
    }
    if storage.isDead { throw .io }
    return loaded
  }

  /// Receives a file in pieces and installs it.
  ///
  /// - Parameters:
  ///   - end: where it breaks off.
  func receive(_ file: [UInt8], resuming: Bool = false, upTo end: Int = .max) throws(ErrorClass) {
    var reception = try Reception(into: store, secureWorld, resuming: resuming ? Self.codec : nil)
    defer { reception.close() }
    var rest = file.prefix(end).dropFirst(Int(reception.position))
    while !rest.isEmpty {
      let piece = Array(rest.prefix(9000))
      rest = rest.dropFirst(9000)
      try piece.span.bytes.withUnsafeBytes { (bytes) throws(ErrorClass) in try reception.take(bytes) }
    }
    if end >= file.count { _ = try reception.finish() }
  }

  /// Loads what is on trial, and confirms it.
  func tryAndConfirm() throws(ErrorClass) {
    guard let trial = try load().trial else { throw .internal }
    try store.confirm(Self.codec, trial)
  }

  /// Whatever is there, receives what is missing of a release: its grant and its package.
  func install(_ release: Release) throws(ErrorClass) {
    try receive(release.grant)
    try receive(release.package, resuming: true)
  }
}

/// A version of a module and the grant that it needs, signed as real ones are, but small.
struct Release: Equatable, Sendable {
  let version: [UInt32]
  let securityVersion: UInt64
  let epoch: UInt64
  let package: [UInt8]
  let grant: [UInt8]

  static let old = Release(1, securityVersion: 4, epoch: 7, sequence: 5)
  static let new = Release(2, securityVersion: 5, epoch: 8, sequence: 6)
  static let all = [old, new]

  private init(_ major: UInt32, securityVersion: UInt64, epoch: UInt64, sequence: UInt64) {
    version = [major, 0, 0]
    self.securityVersion = securityVersion
    self.epoch = epoch
    var package = PackageFixture.module(payload: testBytes(56 + 16_400 + 100).map { $0 ^ UInt8(major) })
    package.manifest.version = Version(major, 0, 0)
    package.manifest.securityVersion = securityVersion
    package.manifest.epoch = epoch
    self.package = (try? package.file()) ?? []
    var grant = GrantFixture()
    grant.terms = GrantTerms(
      CommonGrantTerms(
        module: testName("com.acme.codec"), epoch: epoch, issuedAt: Moment.issued, lifecycle: .secured),
      deviceID: grant.terms.deviceID, grantKeyThumbprint: grant.terms.grantKeyThumbprint, issuer: grant.terms.issuer,
      sequence: sequence)
    self.grant = (try? grant.file()) ?? []
  }
}
