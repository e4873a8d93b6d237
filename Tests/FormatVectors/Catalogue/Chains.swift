import COSE
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// SPEC 3.1 to 3.4: certificate chains by themselves.
extension Catalogue {
  mutating func addChains() throws {
    try addRoots()
    try addClaims()
    try addAuthority()
  }

  /// - Parameters:
  ///   - refused: the class; nil for success.
  ///   - place: where the fault is, if parsing finds it.
  ///   - edit: changes the file.
  private mutating func add(
    _ name: String, _ refused: ErrorClass?, _ comment: String, at place: Place? = nil,
    _ settings: Settings = Settings(role: .module), _ change: (inout ChainFixture) -> Void = { _ in },
    edit: Edit = { $0 }
  ) throws {
    var chain = ChainFixture.module
    change(&chain)
    var vector = Vector(.chain, Self.expectation(refused), comment)
    vector.object = edit(try Self.file(chain))
    if refused == nil { vector.add("key", hex(chain.last.thumbprint)) }
    try add(name, vector, settings, at: place)
  }

  static func file(_ chain: ChainFixture) throws -> [UInt8] {
    RawMap.item { FileLabel.chain.encode(to: &$0) } + (try chain.encoded())
  }

  // MARK: Step 1

  private mutating func addRoots() throws {
    let p256 = TestKey(p256: "P-256 root")
    var settings = Settings(role: .module)
    try add("two-certificates", nil, "a root, a vendor and its product, as they should be")
    settings.roots = [(TestKey.stranger.thumbprint, false), (TestKey.bootRoot.thumbprint, false)]
    try add("second-root", nil, "the second of two trusted roots", settings)
    settings.roots = [(TestKey.stranger.thumbprint, true), (TestKey.bootRoot.thumbprint, false)]
    try add("other-root-revoked", nil, "another root is revoked", settings)
    settings.roots = [(TestKey.stranger.thumbprint, false), (TestKey.bootRoot.thumbprint, true)]
    try add("revoked-root", .revokedRoot, "step 1: the root is revoked", settings)
    try add("unknown-root", .untrustedRoot, "step 1: the root isn't trusted") { $0.root = .stranger }
    settings.roots = []
    try add("no-trusted-root", .untrustedRoot, "step 1: nothing is trusted", settings)
    settings.roots = [(p256.thumbprint, false)]
    try add("p-256", nil, "a root, a certificate and a key of P-256, signed with ES256", settings) { chain in
      chain = ChainFixture(
        root: p256,
        [
          LinkFixture("P-256 vendor", [.module], depth: 1, key: TestKey(p256: "P-256 vendor")),
          LinkFixture("P-256 product", [.module], key: TestKey(p256: "P-256 product")),
        ])
    }
    settings.roots = [(p256.thumbprint, false)]
    try add("mixed-algorithms", nil, "a root of P-256 certifies an Ed25519 key", settings) { $0.root = p256 }
    try add(
      "claimed-root", .signatureInvalid, "step 3.3: the chain claims a trusted root, another key signed its certificate"
    ) { $0.links[0].signer = .stranger }

    let root = TestKey.bootRoot.publicKey.bytes
    let key = COSEKey.encode(TestKey.bootRoot.publicKey)
    try add(
      "root-of-small-order", .malformed, "2.1: the root is an Ed25519 key of small order",
      at: .found(key.prefix(8) + [1]),
      edit: Self.replacing(root, by: [1] + [UInt8](repeating: 0, count: 31)))
    try add(
      "root-not-canonical", .malformed, "2.1: the root's y isn't below the prime",
      at: .found(key.prefix(8) + [0xf0]),
      edit: Self.replacing(root, by: [0xf0] + [UInt8](repeating: 0xff, count: 30) + [0x7f]))
    try add(
      "root-is-x25519", .malformed, "2.1: the root is a key that can't sign", at: .found([0xa3, 1, 1, 0x20, 4]),
      edit: Self.replacing(key.prefix(5) + [], by: [0xa3, 1, 1, 0x20, 4]))
    try add(
      "root-with-key-id", .malformed, "2.1: the root key has a member more than it may",
      at: .found([0xa4, 1, 1, 2], plus: 4),
      edit: Self.replacing(Array(key.prefix(3)), by: [0xa4, 1, 1, 2, 0x41, 0x20]))
    let point = p256.publicKey.bytes
    try add(
      "root-off-the-curve", .malformed, "2.1: the root isn't a point of P-256",
      at: .found([0xa4, 1, 2]), settings, { $0.root = p256 },
      edit: Self.replacing(Array(point.suffix(32)), by: Array(point.prefix(32))))
    try add(
      "not-labelled", .malformed, "1.2: the file doesn't begin with its label", at: .start,
      edit: { Array($0.dropFirst(8)) })
    try add(
      "three-items", .malformed, "3.1: a chain has two items", at: .byte(8),
      edit: { $0[..<8] + [0x83] + $0[9...] + [0xf6] })
    try add(
      "trailing-byte", .malformed, "1.1: a byte follows the outermost item", at: .byte(try Self.file(.module).count),
      edit: { $0 + [0] })
    try add("no-certificate", .malformed, "3.1: a root never signs objects itself", at: .foundLast([0x80])) {
      $0.links = []
    }
    try add("six-certificates", nil, "3.1: as many certificates as there may be") { $0.links = Self.deep(6) }
    try add(
      "seven-certificates", .limitExceeded, "3.1: one certificate too many",
      at: .found(Array(root.suffix(4)) + [0x87], plus: 4)
    ) { $0.links = Self.deep(7) }
  }

  static func deep(_ count: Int) -> [LinkFixture] {
    (0..<count).map { LinkFixture("\($0)", [.module], depth: max(5 - $0, 0)) }
  }

  /// Replaces bytes that there are once.
  static func replacing(_ old: [UInt8], by new: [UInt8]) -> Edit {
    { bytes in
      guard bytes.count >= old.count else { return bytes }
      for start in 0...(bytes.count - old.count) where bytes[start..<(start + old.count)].elementsEqual(old) {
        return bytes[..<start] + new + bytes[(start + old.count)...]
      }
      return bytes
    }
  }

  // MARK: Step 3.1

  /// A claim of the first certificate is another.
  private mutating func claim(
    _ name: String, _ refused: ErrorClass?, _ comment: String, _ label: Int64, _ value: [UInt8], at distance: Int = 0
  ) throws {
    let key = [UInt8].label(label)
    try add(
      name, refused, comment, at: refused == nil ? nil : .found(key + value, plus: key.count + distance)
    ) { chain in
      chain.links[0].edit = editMap { $0.set(label, to: value) }
    }
  }

  private mutating func addClaims() throws {
    let letters = { (count: Int) in [UInt8](repeating: 0x61, count: count) }
    try claim("empty-subject", .malformed, "3.1: sub is 1 to 64 bytes", 2, [0x60])
    try claim("subject-of-64-bytes", nil, "3.1: the longest sub", 2, [0x78, 64] + letters(64))
    try claim("subject-of-65-bytes", .malformed, "3.1: sub is 1 to 64 bytes", 2, [0x78, 65] + letters(65))
    try claim("empty-role", .malformed, "3.1: a role is 1 to 32 bytes", -70001, [0x81, 0x60], at: 1)
    try claim(
      "role-of-33-bytes", .malformed, "3.1: a role is 1 to 32 bytes", -70001, [0x81, 0x78, 33] + letters(33), at: 1)
    try claim(
      "role-with-capital", .malformed, "3.1: a role is of a to z, dot and dash", -70001, [0x81, 0x61, 0x41], at: 1)
    try claim("no-roles", .malformed, "3.1: at least one role", -70001, [0x80])
    try claim(
      "roles-out-of-order", .malformed, "3.1: roles ascend strictly", -70001,
      [0x82] + .item("module") + .item("grant"), at: 8)
    try claim(
      "role-twice", .malformed, "3.1: roles ascend strictly", -70001, [0x82] + .item("module") + .item("module"), at: 8)
    let roles = (0..<17).map { "x" + String(repeating: "y", count: $0) }
    try claim(
      "seventeen-roles", .limitExceeded, "3.1: at most 16 roles", -70001, [0x91] + roles.flatMap { [UInt8].item($0) })
    try add("sixteen-roles", nil, "3.1: as many roles as there may be") { chain in
      for index in 0...1 { chain.links[index].claims.roles = [.module] + roles.prefix(15).map { testRole($0) } }
    }
    try add("unknown-role", nil, "3.1: a role that isn't known does no harm") { chain in
      for index in 0...1 { chain.links[index].claims.roles = [.module, testRole("station")] }
    }
    try claim("scope-of-one-label", .malformed, "3.3: one label is no name", -70002, .item("com"))
    try claim("scope-with-empty-label", .malformed, "3.3: no label is empty", -70002, .item("com..acme."))
    try claim(
      "scope-of-129-bytes", .malformed, "3.1: a scope is at most 128 bytes", -70002,
      [0x78, 129] + letters(128) + [0x2e])
    try claim("depth-6", .malformed, "3.1: depth is at most 5", -70003, [6])
    try claim("depth-beyond-integers", .malformed, "3.1: depth is at most 5", -70003, .largest)
    try claim("no-confirmation-key", .malformed, "3.1: cnf holds a key", 8, [0xa0])
    try claim("confirmation-by-key-id", .malformed, "3.1: cnf holds a key itself", 8, [0xa1, 3, 0x41, 0])
    try claim(
      "confirmation-key-x25519", .malformed, "2.1: a key that can't sign", 8,
      [0xa1, 1] + COSEKey.encode(x25519: TestGrantKey.device.publicKey), at: 2)
    try claim("issued-at-2-63", .limitExceeded, "11: times are below 2^63", 6, .tooLarge)
    try claim(
      "issued-at-2-63-less-1", nil, "11: the latest time that there is", 6,
      [0x1b, 0x7f] + [UInt8](repeating: 0xff, count: 7))
    try claim("not-after-2-64-less-1", .limitExceeded, "11: times are below 2^63", 4, .largest)
    for (label, name) in [(2, "sub"), (6, "iat"), (8, "cnf"), (-70001, "roles"), (-70002, "scope"), (-70003, "depth")]
      as [(Int64, String)]
    {
      let start: [UInt8] = label == 2 ? [0xa5, 6, 0x1a] : [0xa5, 2, 0x64]
      try add("without-\(name)", .malformed, "3.1: \(name) is left out", at: .found(start)) { chain in
        chain.links[0].edit = editMap { $0.remove(label) }
      }
    }
    try add("unprotected-header", .malformed, "2.2: the unprotected header is empty") { chain in
      chain.links[1].editSigned = { signed in
        // 18([h'…', {}, …: the empty map follows the protected header.
        let place = 4 + 1 + Int(signed[3])
        return signed[..<(place - 1)] + [0xa1, 4, 0x40] + signed[place...]
      }
    }
    try add("algorithm-of-another-key", .malformed, "2.2: alg is that of the signing key's type") {
      $0.links[1].signer = TestKey(p256: "P-256 vendor")
    }
    try add("typ-of-a-manifest", .roleMismatch, "2.2: typ is that of the place") { $0.links[1].type = Manifest.type }
  }

  // MARK: Steps 3.2 to 4

  private mutating func addAuthority() throws {
    try add("below-depth-0", .chainInvalid, "step 3.2: the issuer may not certify") { $0.links[0].claims.depth = 0 }
    try add("as-deep-as-issuer", .chainInvalid, "step 3.2: depth falls along the chain") {
      $0.links[1].claims.depth = 1
    }
    try add("depth-5", nil, "step 3.2: the greatest depth below a root") { $0.links[0].claims.depth = 5 }
    try add("fifth-too-deep", .chainInvalid, "step 3.2: the fifth of six is too deep") { chain in
      chain.links = Self.deep(6)
      chain.links[4].claims.depth = 2
    }
    try add("first-signature", .signatureInvalid, "step 3.3: another key signed the first certificate") {
      $0.links[0].signer = .deviceRoot
    }
    try add("second-by-root", .signatureInvalid, "step 3.3: the root signed the second certificate") {
      $0.links[1].signer = .bootRoot
    }
    try add("second-by-itself", .signatureInvalid, "step 3.3: the second certificate's own key signed it") {
      $0.links[1].signer = $0.links[1].key
    }
    try add("depth-before-signature", .chainInvalid, "step 3.2 comes before 3.3") { chain in
      chain.links[1].claims.depth = 1
      chain.links[1].signer = .stranger
    }
    try add("role-not-handed-on", .chainInvalid, "step 3.4: a role that the issuer hasn't") {
      $0.links[1].claims.roles = [.module, .status]
    }
    try add("unknown-role-not-handed-on", .chainInvalid, "step 3.4: not even a role that isn't known") {
      $0.links[1].claims.roles = [.module, testRole("station")]
    }
    try add("empty-scope-below-scope", .chainInvalid, "step 3.4: all names below some") {
      $0.links[1].claims.scope = .everything
    }
    try add("wider-scope", .chainInvalid, "step 3.4: com. below com.acme.") {
      $0.links[1].claims.scope = testScope("com.")
    }
    try add("neighbours-scope", .chainInvalid, "step 3.4: com.acmex. below com.acme.") {
      $0.links[1].claims.scope = testScope("com.acmex.")
    }
    try add("scope-without-dot", .chainInvalid, "step 3.4: com.acme below com.acme.") {
      $0.links[1].claims.scope = testScope("com.acme")
    }
    try add("scope-of-one-name", nil, "3.3: a whole name is a scope") {
      $0.links[1].claims.scope = testScope("com.acme.codec")
    }
    try add("not-after-now", nil, "1.4: not-after is included") { $0.links[0].claims.notAfter = Moment.present }
    try add("expired", .expired, "step 3.5: a second past not-after") {
      $0.links[0].claims.notAfter = Moment.present - 1
    }
    try add("last-expired", .expired, "step 3.5: of the last certificate too") {
      $0.links[1].claims.notAfter = Moment.present - 1
    }
    try add("not-before-now", nil, "1.4: not-before is included") { $0.links[1].claims.notBefore = Moment.present }
    try add("not-yet-valid", .notYetValid, "step 3.5: a second before not-before") {
      $0.links[1].claims.notBefore = Moment.present + 1
    }
    var settings = Settings(role: .module)
    settings.clock = .lowerBound(Moment.present)
    try add("not-before-without-clock", nil, "1.4: not-before can't be enforced without a trusted clock", settings) {
      $0.links[1].claims.notBefore = Moment.present + 1
    }
    try add("expired-without-clock", .expired, "1.4: not-after is enforced against the lower bound", settings) {
      $0.links[1].claims.notAfter = Moment.present - 1
    }
    try add("signature-before-times", .signatureInvalid, "step 3.3 comes before 3.5") { chain in
      chain.links[0].claims.notAfter = 1
      chain.links[0].signer = .stranger
    }
    try add("without-the-role", .roleMismatch, "step 4: the last certificate hasn't the role") {
      $0.links[1].claims.roles = [.grant]
    }
    try add("roles-that-begin-alike", .roleMismatch, "step 4: modul and modules aren't module") { chain in
      for index in 0...1 { chain.links[index].claims.roles = [testRole("modul"), testRole("modules")] }
    }
    try add("role-asked-for", nil, "step 4: another role of a key that has two", Settings(role: .grant)) {
      $0.links[1].claims.roles = [.grant, .module]
    }
  }
}
