import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// A load (SPEC 9.1) on the device of all vectors: a package, a grant, and what the device remembers.
struct LoadFixture {
  var package: PackageFixture
  var grant = GrantFixture.vector
  var settings = Settings()
  /// What is compressed, padded and encrypted.
  var module = Fixed.noise(200)
  /// What is encrypted, instead of what SPEC 4.2 makes of the module.
  var plaintext: [UInt8]?
  /// What the payload is encrypted with and for, where that isn't what it should be.
  var contentKey: [UInt8]?
  var context: [UInt8]?
  /// The name that the salt is made from.
  var salt = "salt"
  /// Changes the payload before its digests are computed.
  var editPayload: Edit = { $0 }
  /// Changes the payload that was signed.
  var editSigned: Edit = { $0 }
  var segmentSize: UInt64 = 16_400
  var lifecycle = Lifecycle.secured
  /// Headers about what the device remembers.
  var memory: [(name: String, value: String)] = []

  init() {
    package = PackageFixture.module(payload: testBytes(57))
    package.manifest.sizeBound = 4096
  }

  /// What the decryption gives if all of it goes well.
  var sealed: [UInt8] {
    let frame = LZ4Frame(module).bytes
    return plaintext ?? (frame + LZ4Frame.padding(behind: frame.count))
  }

  /// Salt, commitment and chunks.
  func payload() throws -> [UInt8] {
    let key = contentKey ?? grant.contentKey
    return try Fixed.encrypt(sealed, key: key, context: context ?? package.manifest.payloadContext, salt: salt)
  }

  func file() throws -> [UInt8] {
    var package = package
    package.payload = editPayload(try payload())
    package.setSegmentSize(segmentSize)
    package.payload = editSigned(package.payload)
    return try package.file()
  }

  /// Writes the headers about the device and its grant.
  func describe(in vector: inout Vector) throws {
    settings.add(to: &vector)
    vector.add("machine", "62")
    vector.add("device", hex(DeviceState.fixture.deviceID))
    vector.add("lifecycle", "\(lifecycle.rawValue)")
    vector.add("grant-key", hex(bytes(named: "device")))
    for (name, value) in memory { vector.add(name, value) }
    vector.add("grant", base64(try grant.file()))
  }
}

/// SPEC 5, deciding: in the order of its steps.
extension Catalogue {
  /// - Parameter released: how many bytes the decryption gives before the failure; nil if nothing is decrypted.
  mutating func addLoad(
    _ name: String, _ refused: ErrorClass?, _ comment: String, released: Int? = nil,
    _ change: (inout LoadFixture) throws -> Void = { _ in }
  ) throws {
    var load = LoadFixture()
    try change(&load)
    var vector = Vector(.load, Self.expectation(refused), comment)
    vector.object = try load.file()
    if let released = refused == nil ? load.sealed.count : released {
      vector.add("released", try Self.size(Array(load.sealed.prefix(released))))
    }
    if refused == nil { vector.add("module", try Self.size(load.module)) }
    try load.describe(in: &vector)
    try add(name, vector, nil, at: nil)
  }

  mutating func addDecisions() throws {
    try addLoad("plain", nil, "a load, as it should be")
    try addLoad("wrong-architecture", .wrongArchitecture, "9.1 step 1: for another processor") {
      $0.package.manifest.machine = 183
    }
    try addLoad("untrusted-grant", .untrustedRoot, "9.1 step 2: the grant's root isn't trusted") {
      $0.grant.chain.root = .stranger
    }
    try addLoad("architecture-before-grant", .wrongArchitecture, "9.1: the package is looked at before the grant") {
      load in
      load.package.manifest.machine = 183
      load.grant.chain.root = .stranger
    }
    try addLoad("wrong-module", .wrongModule, "5 step 1: for another module") {
      $0.grant.terms.module = testName("com.acme.other")
    }
    try addLoad("wrong-epoch", .wrongEpoch, "5 step 2: for another key epoch") { $0.grant.terms.epoch = 8 }
    try addLoad("wrong-device", .wrongDevice, "5 step 3: for another device") {
      $0.grant.terms.deviceID = bytes(named: "another")
    }
    try addLoad("wrong-lifecycle", .wrongLifecycle, "5 step 4: a grant for production, a device in debug") {
      $0.lifecycle = .debug
    }
    try addLoad("wrong-lifecycle-of-grant", .wrongLifecycle, "5 step 4: a grant for debug, a device in production") {
      $0.grant.terms.lifecycle = .debug
    }
    try addLoad("wrong-grant-key", .wrongGrantKey, "5 step 5: for a former key of the device") {
      $0.grant.terms.grantKeyThumbprint = TestGrantKey("former").thumbprint
    }
    try addLoad("wrong-issuer", .malformed, "5 step 6: the issuer isn't the key that signed") {
      $0.grant.terms.issuer = TestKey.stranger.thumbprint
    }
    try addVersions()
    try addTimes()
    try addOrder()
    try addMemory()
    try addLoad("unwrap-failed", .keyUnwrapFailed, "9.1 step 3: the content key is wrapped to another") {
      $0.grant.recipient = TestGrantKey("another device")
    }
  }

  private mutating func addVersions() throws {
    let version = Version(1, 2, 3)
    for (name, lowest, highest, refused) in [
      ("at-both-ends", version, version, nil), ("at-lowest", version, Version(9, 0, 0), nil),
      ("at-highest", Version(0, 0, 0), version, nil),
      ("above", Version(1, 0, 0), Version(1, 2, 2), .versionOutOfRange),
      ("below", Version(1, 2, 4), Version(1, 9, 9), .versionOutOfRange),
    ] as [(String, Version, Version, ErrorClass?)] {
      try addLoad(
        "version-\(name)", refused, "5 step 7: version 1.2.3 is \(name.replacing("-", with: " ")) of the range"
      ) {
        $0.grant.terms.versions = VersionRange(lowest, highest)
      }
    }
  }

  private mutating func addTimes() throws {
    let present = Moment.present
    let noClock = Settings.Clock.lowerBound(present)
    try addLoad("not-after-now", nil, "5 step 8: not-after is included") { $0.grant.terms.notAfter = present }
    try addLoad("expired", .expired, "5 step 8: a second past not-after") { $0.grant.terms.notAfter = present - 1 }
    try addLoad("expired-without-clock", .expired, "5 step 8: not-after is enforced without a clock too") { load in
      load.settings.clock = noClock
      load.grant.terms.notAfter = present - 1
    }
    try addLoad("not-before-now", nil, "5 step 8: not-before is included") { $0.grant.terms.notBefore = present }
    try addLoad("not-yet-valid", .notYetValid, "5 step 8: a second before not-before") {
      $0.grant.terms.notBefore = present + 1
    }
    try addLoad("not-before-without-clock", nil, "1.4: not-before can't be enforced without a trusted clock") { load in
      load.settings.clock = noClock
      load.grant.terms.notBefore = present + 1
    }
    try addLoad("expired-by-manifest", .expired, "1.4: the manifest's issue time raises the bound") { load in
      load.settings.clock = noClock
      load.package.manifest.issuedAt = present + 10
      load.grant.terms.notAfter = present + 9
    }
    try addLoad("expired-by-itself", .expired, "1.4: the grant's own issue time raises the bound") { load in
      load.settings.clock = noClock
      load.grant.terms.issuedAt = present + 10
      load.grant.terms.notAfter = present + 9
    }
    try addLoad("clock-knows-better", nil, "1.4: a trusted clock takes no notice of signed times") { load in
      load.package.manifest.issuedAt = present + 10
      load.grant.terms.notAfter = present + 9
    }
    try addLoad("expired-by-memory", .expired, "1.4: a signed time of the same vendor is remembered") { load in
      load.settings.clock = noClock
      load.memory = [("remembered", "com.acme.other 1 com.acme. \(present + 10)")]
      load.grant.terms.notAfter = present + 9
    }
    try addLoad("time-of-another-vendor", nil, "1.4: no vendor moves another's time") { load in
      load.settings.clock = noClock
      load.memory = [("remembered", "org.other.codec 1 org.other. \(present + 10)")]
      load.grant.terms.notAfter = present + 9
    }
  }

  private mutating func addMemory() throws {
    try addLoad("sequence-as-before", nil, "5 step 9: the highest sequence number itself") {
      $0.memory = [("remembered", "com.acme.codec 5 com.acme. 1")]
    }
    try addLoad("superseded", .rollback, "5 step 9: a higher sequence number was seen") {
      $0.memory = [("remembered", "com.acme.codec 6 com.acme. 1")]
    }
    try addLoad("sequence-of-another-module", nil, "5 step 9: sequence numbers count per module") {
      $0.memory = [("remembered", "com.acme.other 6 com.acme. 1")]
    }
    try addLoad("security-version-as-before", nil, "5 step 10: the highest security version itself") {
      $0.memory = [("remembered", "com.acme.codec 1 com.acme. 1 4")]
    }
    try addLoad("security-version-below", .rollback, "5 step 10: a higher security version was accepted") {
      $0.memory = [("remembered", "com.acme.codec 1 com.acme. 1 5")]
    }
    try addLoad("security-version-of-another-module", nil, "5 step 10: security versions count per module") {
      $0.memory = [("remembered", "com.acme.other 1 com.acme. 1 5")]
    }
    try addLoad("floor-before-status", .rollback, "5: security versions come before lists") { load in
      load.memory = [("remembered", "com.acme.codec 1 com.acme. 1 5")]
      load.grant.terms.minimumStatus = 1
    }
    try addLoad("bound-to-it", nil, "8: the client had a module of this vendor before") {
      $0.memory = [("bound", "com.acme.")]
    }
    try addLoad("scope-conflict", .scopeConflict, "8: the client had another vendor's module before") {
      $0.memory = [("bound", "org.other.")]
    }
    try addLoad("bound-to-all", .scopeConflict, "8: the empty scope is another vendor's") {
      $0.memory = [("bound", "-")]
    }
  }

  /// Each decision is wrong, and so is the next one.
  private mutating func addOrder() throws {
    let faults: [(name: String, ErrorClass, (inout LoadFixture) -> Void)] = [
      ("module", .wrongModule, { $0.grant.terms.module = testName("com.acme.other") }),
      ("epoch", .wrongEpoch, { $0.grant.terms.epoch = 8 }),
      ("device", .wrongDevice, { $0.grant.terms.deviceID = bytes(named: "another") }),
      ("lifecycle", .wrongLifecycle, { $0.grant.terms.lifecycle = .debug }),
      ("grant-key", .wrongGrantKey, { $0.grant.terms.grantKeyThumbprint = TestGrantKey("former").thumbprint }),
      ("issuer", .malformed, { $0.grant.terms.issuer = TestKey.stranger.thumbprint }),
      ("version", .versionOutOfRange, { $0.grant.terms.versions = VersionRange(Version(2, 0, 0), Version(2, 0, 0)) }),
      ("not-after", .expired, { $0.grant.terms.notAfter = 1 }),
      ("not-before", .notYetValid, { $0.grant.terms.notBefore = Moment.present + 1 }),
      ("sequence", .rollback, { $0.memory.append(("remembered", "com.acme.codec 6 com.acme. 1")) }),
      ("status", .statusRequired, { $0.grant.terms.minimumStatus = 1 }),
      ("scope", .scopeConflict, { $0.memory.append(("bound", "org.other.")) }),
      ("unwrap", .keyUnwrapFailed, { $0.grant.recipient = TestGrantKey("another device") }),
    ]
    for (first, second) in zip(faults, faults.dropFirst()) {
      try addLoad("\(first.name)-before-\(second.name)", first.1, "5: \(first.name) is decided before \(second.name)") {
        second.2(&$0)
        first.2(&$0)
      }
    }
  }
}
