import CBOR
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// SPEC 4.4: packages, of modules where nothing else is said. Nobody opens their payloads.
extension Catalogue {
  /// A module's package whose payload is one segment of a hundred bytes.
  private static var module: PackageFixture {
    var package = PackageFixture.module(payload: testBytes(156))
    package.setSegmentSize(16_400)
    return package
  }

  private static func stage(_ role: Role) -> PackageFixture {
    PackageFixture.stage(role, payload: testBytes(100))
  }

  private mutating func add(
    _ name: String, _ refused: ErrorClass?, _ comment: String, at place: Place? = nil, _ settings: Settings? = nil,
    of package: PackageFixture = module, _ change: (inout PackageFixture) -> Void = { _ in }, edit: Edit = { $0 }
  ) throws {
    var package = package
    let role = package.manifest.role
    change(&package)
    var vector = Vector(.package, Self.expectation(refused), comment)
    vector.object = edit(try package.file())
    if refused == nil { vector.add("package", hex(try PackageFront(vector.object).packageID())) }
    try add(name, vector, settings ?? Settings(role: role), at: place)
  }

  /// A member of the manifest is another.
  private mutating func member(
    _ name: String, _ refused: ErrorClass?, _ comment: String, _ label: Int64, _ value: [UInt8], at place: Place? = nil
  ) throws {
    let key = [UInt8].label(label)
    let usual = refused == nil ? nil : Place.found(key + value, plus: key.count)
    try add(name, refused, comment, at: place ?? usual) {
      $0.editManifest = editMap { $0.set(label, to: value) }
    }
  }

  mutating func addPackages() throws {
    try add("module", nil, "a module's package, as it should be")
    for (name, role) in [
      ("boot-loader", Role.bootLoader), ("boot-decryptor", .bootDecryptor), ("boot-firmware", .bootFirmware),
    ] { try add(name, nil, "a boot stage's package, as it should be", of: Self.stage(role)) }
    try addContainers()
    try addSignatures()
    try addConsistency()
    try addSizes()
  }

  // MARK: Step 1

  private mutating func addContainers() throws {
    let module = Self.module
    let front = try module.front()
    // The signed manifest has a head of three bytes, the payload one of two.
    let signed = Array(front[15..<(front.count - 2)])
    func container(
      _ name: String, _ refused: ErrorClass, _ comment: String, at place: Place, _ bytes: [UInt8]
    ) throws {
      try add(name, refused, comment, at: place, edit: { _ in bytes + module.payload })
    }
    let label = Array(front[..<12])
    try container(
      "label-of-another-kind", .malformed, "step 1: the label is another", at: .start,
      label[..<7] + [0x47] + front[8...])
    try container(
      "label-without-content", .malformed, "step 1: the label isn't whole", at: .start,
      label[..<9] + [0x4e] + front[10...])
    try container(
      "manifest-not-in-bytes", .malformed, "step 1: the manifest isn't in a byte string", at: .byte(12),
      label + signed + [0x58, 156])
    try container(
      "manifest-limit", .limitExceeded, "11: a signed manifest of more than 524 288 bytes is declared", at: .byte(12),
      label + [0x5a, 0, 8, 0, 1] + signed + [0x58, 156])
    try container(
      "manifest-2-64", .limitExceeded, "11: a signed manifest of 2^64 - 1 bytes is declared", at: .byte(12),
      label + [0x5b] + [UInt8](repeating: 0xff, count: 8) + signed + [0x58, 156])
    try container(
      "manifest-cut-off", .malformed, "1.1: what is in the first byte string ends too early",
      at: .byte(15 + signed.count - 66),
      label + .item(Array(signed.dropLast())) + [0x58, 156])
    try container(
      "manifest-with-more", .malformed, "1.1: a byte follows the signed manifest", at: .byte(15 + signed.count),
      label + .item(signed + [0]) + [0x58, 156])
    try container(
      "three-in-manifest", .malformed, "4: a signed manifest has two items", at: .byte(15),
      label + .item([0x83] + signed.dropFirst() + [0]) + [0x58, 156])
    try container(
      "payload-not-bytes", .malformed, "step 1: the payload is no byte string", at: .byte(front.count - 2),
      front.dropLast(2) + [0x98, 156])
    try container(
      "payload-indefinite", .malformed, "1.1: a payload of indefinite length", at: .byte(front.count - 2),
      front.dropLast(2) + [0x5f])
    try container(
      "payload-long-head", .malformed, "1.1: a length not in its shortest form", at: .byte(front.count - 2),
      front.dropLast(2) + [0x59, 0, 156])
    try add(
      "no-payload", .malformed, "step 1: the file ends before the payload's head", at: .byte(front.count - 2),
      edit: { _ in
        front.dropLast(2)
      })
    try add(
      "empty-after-label", .malformed, "step 1: the file ends with its label", at: .byte(12), edit: { _ in label })
  }

  // MARK: Step 2

  private mutating func addSignatures() throws {
    try add("unknown-root", .untrustedRoot, "3.4 step 1: the root isn't trusted") { $0.chain.root = .stranger }
    try add("chain-for-grants", .roleMismatch, "3.4 step 4: the chain may not sign modules") {
      $0.chain.links[1].claims.roles = [.grant]
    }
    try add("typ-of-a-grant", .roleMismatch, "3.4 step 5: typ is that of a grant") { $0.type = Grant.type }
    try add("other-signer", .signatureInvalid, "3.4 step 5: a key that isn't in the chain signed it") {
      $0.signer = .stranger
    }
    try add("signed-by-root", .signatureInvalid, "3.4 step 5: the root signed it") { $0.signer = .bootRoot }
    try add("signed-by-issuer", .signatureInvalid, "3.4 step 5: the certificate above signed it") {
      $0.signer = $0.chain.links[0].key
    }
    try add("other-algorithm", .malformed, "2.2: alg isn't that of the signing key's type") {
      $0.signer = TestKey(p256: "P-256 product")
    }
    try add("signed-with-es256", nil, "2.2: a module's key of P-256") { package in
      package.chain.links[1] = LinkFixture("P-256", [.module], scope: "com.acme.", key: TestKey(p256: "P-256 product"))
    }
    try add("outside-scope", .scopeViolation, "3.4 step 6: com.acmex.codec isn't in com.acme.") {
      $0.manifest.name = testName("com.acmex.codec")
    }
    try add("scope-itself", .scopeViolation, "3.4 step 6: com.acme isn't in com.acme.") {
      $0.manifest.name = testName("com.acme")
    }
    try add("scope-of-another-name", .scopeViolation, "3.4 step 6: the scope is a longer name") {
      $0.chain.links[1].claims.scope = testScope("com.acme.codecs")
    }
    try add("other-role-inside", .roleMismatch, "4.4 step 2: the manifest's own role is another") {
      $0.manifest.role = .bootLoader
    }
    var settings = Settings(role: .bootDecryptor)
    try add(
      "firmware-for-decryptor", .roleMismatch, "4.4 step 2: a firmware of who may sign both", settings,
      of: Self.stage(.bootFirmware)
    ) { package in
      package.chain = ChainFixture(root: .bootRoot, [LinkFixture("Platform", [.bootDecryptor, .bootFirmware])])
    }
    settings = Settings(role: .bootLoader)
    try add("module-for-loader", .roleMismatch, "3.4 step 4: a module where a stage is expected", settings)
    try add("scope-before-role", .scopeViolation, "3.4 step 6 comes before the manifest's own role") { package in
      package.manifest.role = .bootLoader
      package.manifest.name = testName("org.acme.codec")
    }
    try add("signature-before-sizes", .signatureInvalid, "step 2 comes before steps 3 and 4") { package in
      package.signer = .stranger
      package.manifest.digests.removeLast()
      package.declaredPayloadSize = 1
    }
  }

  // MARK: Step 3

  private mutating func addConsistency() throws {
    try add("module-without-epoch", .malformed, "step 3: a module has an epoch") { $0.manifest.epoch = nil }
    try add("segment-not-of-chunks", .malformed, "4.1: a module's segments hold whole chunks") {
      $0.setSegmentSize(16_401)
    }
    try add("segment-below-chunk", .malformed, "4.1: a segment has 16400 bytes or more") { $0.setSegmentSize(16_384) }
    try add("segment-of-64-chunks", nil, "4.1: the largest segment") { $0.setSegmentSize(1_049_600) }
    try add("segment-of-65-chunks", .malformed, "4.1: a segment has 1 049 600 bytes or less") {
      $0.setSegmentSize(1_066_000)
    }
    try add("segment-of-nothing", .malformed, "4.1: segments of no bytes") { $0.manifest.segmentSize = 0 }
    try add("digest-too-few", .malformed, "step 3: no digest for the only segment") { $0.manifest.digests = [] }
    try add("digest-too-many", .malformed, "step 3: two digests, one segment") {
      $0.manifest.digests += [UInt8](repeating: 0, count: 32)
    }
    try add("digest-of-31-bytes", .malformed, "step 3: a digest has 32 bytes") { $0.manifest.digests.removeLast() }
    try add("too-many-segments", .limitExceeded, "11: 8193 segments") {
      $0.manifest.payloadSize = 56 + 8192 * 16_400 + 1
    }
    try add("payload-of-more-than-2-GiB", .limitExceeded, "11: a payload has 2 147 483 648 bytes at most") {
      $0.manifest.payloadSize = 1 << 31 + 1
    }
    try add("payload-of-2-63-less-1", .limitExceeded, "11: a payload of 2^63 - 1 bytes") {
      $0.manifest.payloadSize = 1 << 63 - 1
    }
    try add("bound-of-1-GiB", nil, "11: the greatest size bound of a module") { $0.manifest.sizeBound = 1 << 30 }
    try add("bound-of-more", .limitExceeded, "11: a size bound of 1 GiB and a byte") {
      $0.manifest.sizeBound = 1 << 30 + 1
    }
    try add("payload-all-header", .malformed, "4.1: a module's payload is longer than its header") { package in
      package.payload = testBytes(56)
      package.setSegmentSize(16_400)
    }
    try add("stage-with-epoch", .malformed, "step 3: a stage has no epoch", of: Self.stage(.bootLoader)) {
      $0.manifest.epoch = 1
    }
    try add("stage-execute-only", .malformed, "step 3: label 14 is for modules", of: Self.stage(.bootLoader)) {
      $0.manifest.mayBeExecuteOnly = true
    }
    try add(
      "stage-with-larger-bound", .malformed, "4.3: a stage's size bound is its payload's size",
      of: Self.stage(.bootLoader)
    ) {
      $0.manifest.sizeBound += 1
    }
    try add("empty-stage", .malformed, "4.1: a stage's payload has a byte at least", of: Self.stage(.bootLoader)) {
      package in
      package.payload = []
      package.manifest.sizeBound = 0
      package.setSegmentSize(16_400)
    }
    try add(
      "stage-of-odd-segments", nil, "4.1: a stage's segments have any size within the bounds",
      of: Self.stage(.bootLoader)
    ) {
      $0.setSegmentSize(20_001)
    }
  }

  // MARK: Steps 4 and 5

  private mutating func addSizes() throws {
    let size = UInt64(156)
    try add("payload-head-less", .sizeMismatch, "step 4: the payload's head gives a byte less") {
      $0.declaredPayloadSize = size - 1
    }
    try add("payload-head-more", .sizeMismatch, "step 4: the payload's head gives a byte more") {
      $0.declaredPayloadSize = size + 1
    }
    try add("payload-head-2-64", .sizeMismatch, "step 4: the payload's head gives 2^64 - 1") {
      $0.declaredPayloadSize = .max
    }
    try add("byte-behind-payload", .sizeMismatch, "step 4: a byte follows the payload") { $0.payload.append(0) }
    try add("byte-missing", .sizeMismatch, "step 4: the payload's last byte is missing") { $0.payload.removeLast() }
    try add("other-first-byte", .digestMismatch, "step 5: the payload's first byte is another") { $0.payload[0] ^= 1 }
    try add("other-last-byte", .digestMismatch, "step 5: the payload's last byte is another") {
      $0.payload[155] ^= 0x80
    }
    try add("digest-of-another", .digestMismatch, "step 5: the manifest has the digest of another payload") {
      $0.manifest.digests = bytes(named: "another payload")
    }
  }

  // MARK: The manifest's members

  mutating func addManifests() throws {
    try member(
      "version-0", .unsupportedVersion, "16: a format version that never was", 1, [0], at: .found([0xac, 1, 0, 2]))
    try member("version-2", .unsupportedVersion, "16: a format version to come", 1, [2], at: .found([0xac, 1, 2, 2]))
    try add(
      "version-2-of-its-own", .unsupportedVersion, "16: labels and values that version 1 hasn't",
      at: .found([0xad, 1, 2, 2])
    ) {
      $0.editManifest = editMap { map in
        map.set(1, to: [2])
        map.set(3, to: [0x80])
        map.set(77, to: [0xf6])
      }
    }
    try add(
      "version-2-of-a-stranger", .unsupportedVersion, "16: the version comes before everything else",
      at: .found([0xac, 1, 2, 2])
    ) { package in
      package.editManifest = editMap { $0.set(1, to: [2]) }
      package.chain.root = .stranger
    }
    try member("name-of-one-label", .malformed, "1.3: a name has two labels or more", 3, .item("codec"))
    try member("name-with-slash", .malformed, "1.3: a name has no slash", 3, .item("com.acme/codec"))
    try member("name-with-capital", .malformed, "1.3: a name is in small letters", 3, .item("com.Acme.codec"))
    try member("name-with-empty-label", .malformed, "1.3: no label is empty", 3, .item("com..codec"))
    try member("name-ending-in-dot", .malformed, "1.3: a name doesn't end in a dot", 3, .item("com.acme."))
    try member(
      "name-of-129-bytes", .malformed, "1.3: a name has at most 128 bytes", 3,
      .item("com." + String(repeating: "a", count: 125)))
    try member("role-empty", .malformed, "3.1: a role is 1 to 32 bytes", 2, [0x60])
    try member("version-of-two", .malformed, "1.1: a version has three numbers", 4, [0x82, 1, 2])
    try member(
      "version-number-2-32", .malformed, "1.1: a version's numbers are below 2^32", 4,
      [0x83, 1, 2, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0],
      at: .found([4, 0x83, 1, 2, 0x1b], plus: 4))
    try member(
      "greatest-version", nil, "1.1: the greatest version", 4,
      [0x83] + (0..<3).flatMap { _ in [0x1a, 0xff, 0xff, 0xff, 0xff] as [UInt8] })
    try member("security-version-2-64-less-1", nil, "4: the greatest security version", 5, .largest)
    try member("security-version-negative", .malformed, "4: a security version isn't negative", 5, [0x20])
    try member("machine-2-16", .malformed, "4: machine has two bytes", 6, [0x1a, 0, 1, 0, 0])
    try member("issued-at-2-63", .limitExceeded, "11: times are below 2^63", 7, .tooLarge)
    try member("payload-size-2-63", .limitExceeded, "11: sizes are below 2^63", 8, .tooLarge)
    try member("epoch-2-63", .limitExceeded, "11: epochs are below 2^63", 12, .tooLarge)
    try member("status-number-2-63", .limitExceeded, "11: status numbers are below 2^63", 13, .tooLarge)
    try member("execute-only", nil, "4: label 14", 14, [0xf5])
    try member("execute-only-false", .malformed, "4: label 14 is left out if it isn't true", 14, [0xf4])
    try member("digests-as-text", .malformed, "4: digests are bytes", 11, [0x61, 0x61])
    try member("epoch-null", .malformed, "4: what isn't there is left out", 12, [0xf6])
    try add("unknown-label", .malformed, "1.1: a label that isn't listed", at: .found([0x0f, 0x0f], plus: 1)) {
      $0.editManifest = editMap { $0.set(15, to: [0x0f]) }
    }
    for (label, name) in [
      (2, "role"), (3, "name"), (4, "version"), (5, "security-version"), (6, "machine"), (7, "iat"),
      (8, "payload-size"),
      (9, "size-bound"), (10, "segment-size"), (11, "digests"),
    ] as [(Int64, String)] {
      try add("without-\(name)", .malformed, "4: \(name) is left out", at: .found([0xab, 1, 1])) {
        $0.editManifest = editMap { $0.remove(label) }
      }
    }
    try add("without-format-version", .malformed, "4: the format version is left out", at: .found([0xab, 2, 0x66])) {
      $0.editManifest = editMap { $0.remove(1) }
    }
  }
}
