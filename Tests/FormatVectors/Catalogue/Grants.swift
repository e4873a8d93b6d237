import CBOR
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// SPEC 5: grants by themselves, up to unwrapping.
extension Catalogue {
  private mutating func add(
    _ name: String, _ refused: ErrorClass?, _ comment: String, at place: Place? = nil, unwrapping: Bool = false,
    _ change: (inout GrantFixture) -> Void = { _ in }, edit: Edit = { $0 }
  ) throws {
    var grant = GrantFixture.vector
    change(&grant)
    var vector = Vector(.grant, Self.expectation(refused), comment)
    vector.object = edit(try grant.file())
    if refused == nil || unwrapping { vector.add("grant-key", hex(bytes(named: "device"))) }
    if refused == nil { vector.add("content-key", hex(grant.contentKey)) }
    try add(name, vector, Settings(), at: place)
  }

  /// A term is another.
  private mutating func term(
    _ name: String, _ refused: ErrorClass, _ comment: String, _ label: Int64, _ value: [UInt8], at place: Place? = nil
  ) throws {
    let key = [UInt8].label(label)
    try add(name, refused, comment, at: place ?? .found(key + value, plus: key.count)) {
      $0.editTerms = editMap { $0.set(label, to: value) }
    }
  }

  mutating func addGrants() throws {
    try add("plain", nil, "a grant, as it should be")
    try add("all-terms", nil, "a grant with all terms that there are") { grant in
      grant.terms.notBefore = 1
      grant.terms.notAfter = Moment.present + 1
      grant.terms.versions = VersionRange(Version(1, 0, 0), Version(1, 9, 0))
      grant.terms.features = [1, 2, 3]
      grant.terms.minimumStatus = 0
    }
    try add("features-of-1024-bytes", nil, "5: as many features as there may be") {
      $0.terms.features = Fixed.noise(1024)
    }
    try add(
      "not-labelled", .malformed, "1.2: the file doesn't begin with its label", at: .start,
      edit: { Array($0.dropFirst(8)) })
    try add(
      "labelled-as-chain", .malformed, "1.2: the label is that of a chain", at: .start,
      edit: { $0[..<7] + [0x43] + $0[8...] })
    try add(
      "three-items", .malformed, "5: a signed grant has two items", at: .byte(8),
      edit: { $0[..<8] + [0x83] + $0[9...] + [0] })
    let whole = try GrantFixture.vector.file().count
    try add("trailing-byte", .malformed, "1.1: a byte follows the outermost item", at: .byte(whole), edit: { $0 + [0] })
    try add(
      "cut-off", .malformed, "1.1: the file ends within the signature", at: .byte(whole - 66), edit: { $0.dropLast() })
    try add(
      "signature-of-63-bytes", .malformed, "2.2: a signature has 64 bytes", at: .byte(whole - 66),
      edit: { bytes in
        bytes[..<(whole - 65)] + [63] + bytes[(whole - 63)...]
      })
    try add(
      "not-tagged-as-sign1", .malformed, "2.2: a signed object is a tagged COSE_Sign1", at: .foundLast([0xd1, 0x84]),
      edit: { bytes in
        // Behind the last certificate's signature comes the tag of the grant.
        let place = (1..<bytes.count).last { bytes[$0] == 0x84 && bytes[$0 - 1] == 0xd2 } ?? 0
        return bytes[..<(place - 1)] + [0xd1] + bytes[place...]
      })

    try add("unknown-root", .untrustedRoot, "3.4 step 1: the root isn't trusted") { $0.chain.root = .stranger }
    try add("chain-for-modules", .roleMismatch, "3.4 step 4: the chain may not sign grants") { grant in
      grant.chain = .module
      grant.terms.issuer = grant.chain.last.thumbprint
    }
    try add("typ-of-a-manifest", .roleMismatch, "3.4 step 5: typ is that of a manifest") { $0.type = Manifest.type }
    try add("other-signer", .signatureInvalid, "3.4 step 5: a key that isn't in the chain signed it") {
      $0.signer = .stranger
    }
    try add("outside-scope", .scopeViolation, "3.4 step 6: com.acmex.codec isn't in com.acme.") {
      $0.terms.module = testName("com.acmex.codec")
    }
    try add("by-a-job-key", nil, "5.2: a key made for one job signed it") { grant in
      grant.chain.links[1].claims.depth = 0
      grant.chain.links[0].claims.depth = 2
      grant.chain.links[1].claims.depth = 1
      grant.chain.links.append(LinkFixture("grant job", [.grant], scope: "com.acme.codec"))
      grant.terms.issuer = grant.chain.last.thumbprint
    }
    try addWrappedKeys()
  }

  private mutating func addWrappedKeys() throws {
    // 16([h'a101182a', {-4: h'…'}, h'…'])
    try add("hpke-of-another-suite", .malformed, "5: alg is HPKE-4", at: .found([0x44, 0xa1, 1, 0x18, 0x2b], plus: -2))
    {
      $0.editWrappedKey = { $0[..<3] + [0xa1, 1, 0x18, 0x2b] + $0[7...] }
    }
    try add("wrapped-key-with-kid", .malformed, "5: the unprotected header is ek alone", at: .found([0xa2, 4, 0x40])) {
      $0.editWrappedKey = { $0[..<7] + [0xa2, 4, 0x40] + $0[8...] }
    }
    try add(
      "wrapped-key-of-another-tag", .malformed, "5: a wrapped key is a COSE_Encrypt0", at: .found([0xd2, 0x83, 0x44])
    ) {
      $0.editWrappedKey = { [0xd2] + $0.dropFirst() }
    }
    for (name, size) in [("47", 47), ("49", 49)] {
      try add(
        "wrapped-key-of-\(name)-bytes", .malformed, "5: a wrapped key has 48 bytes", at: .found([0xd0, 0x83, 0x44])
      ) {
        $0.editWrappedKey = { $0.dropLast(50) + .item(Fixed.noise(size)) }
      }
    }
    try add("ek-of-31-bytes", .malformed, "5: ek has 32 bytes", at: .found([0x58, 31])) {
      $0.editWrappedKey = { $0[..<9] + .item(Fixed.noise(31)) + $0[43...] }
    }
    let unwrap = ErrorClass.keyUnwrapFailed
    try add("other-ciphertext", unwrap, "5: the ciphertext is another", unwrapping: true) {
      $0.editWrappedKey = { $0.dropLast() + [($0.last ?? 0) ^ 1] }
    }
    try add("other-ek", unwrap, "5: the encapsulated key is another", unwrapping: true) {
      $0.editWrappedKey = { $0[..<11] + bytes(named: "another ek") + $0[43...] }
    }
    try add("ek-of-low-order", unwrap, "5: the encapsulated key is a point of low order", unwrapping: true) {
      $0.editWrappedKey = { $0[..<11] + [UInt8](repeating: 0, count: 32) + $0[43...] }
    }
    try add("wrapped-to-another", unwrap, "5: wrapped to another device's key", unwrapping: true) {
      $0.recipient = TestGrantKey("another device")
    }
    let changes: [(String, Int64, [UInt8])] = [
      ("module", 2, .item("com.acme.other")), ("epoch", 3, [8]), ("device", 4, .item(bytes(named: "other"))),
      ("grant-key", 5, .item(bytes(named: "other"))), ("issuer", 6, .item(bytes(named: "other"))), ("sequence", 7, [6]),
      ("iat", 8, [1]), ("not-before", 9, [2]), ("not-after", 10, .item(Moment.present + 7)),
      ("versions", 11, [0x82, 0x83, 0, 0, 0, 0x83, 9, 0, 0]), ("lifecycle", 12, [0]), ("features", 13, [0x41, 9]),
      ("status-number", 14, [1]),
    ]
    for (name, label, value) in changes {
      try add("rewrapped-\(name)", unwrap, "5: \(name) was changed after wrapping, and signed", unwrapping: true) {
        $0.editTerms = editMap { $0.set(label, to: value) }
      }
    }
  }

  mutating func addTerms() throws {
    let start = Place.found([0xa9, 1, 2, 2])
    try term("version-2", .unsupportedVersion, "16: a format version to come", 1, [2], at: start)
    try term(
      "version-0", .unsupportedVersion, "16: a format version that never was", 1, [0], at: .found([0xa9, 1, 0, 2]))
    try add("version-2-of-a-stranger", .unsupportedVersion, "16: the version comes before everything else", at: start) {
      grant in
      grant.editTerms = editMap { $0.set(1, to: [2]) }
      grant.chain.root = .stranger
    }
    try term("version-as-text", .malformed, "5: the version is a number", 1, [0x61, 0x31])
    try term("module-of-one-label", .malformed, "1.3: a name has two labels or more", 2, .item("codec"))
    try term("epoch-2-63", .limitExceeded, "11: epochs are below 2^63", 3, .tooLarge)
    try term("device-of-31-bytes", .malformed, "5: a device id has 32 bytes", 4, .item(Fixed.noise(31)))
    try term("grant-key-of-33-bytes", .malformed, "5: a thumbprint has 32 bytes", 5, .item(Fixed.noise(33)))
    try term("issuer-as-text", .malformed, "5: a thumbprint is bytes", 6, .item("issuer"))
    try term("sequence-2-63", .limitExceeded, "11: sequence numbers are below 2^63", 7, .tooLarge)
    try term("issued-at-negative", .malformed, "5: a time isn't negative", 8, [0x20])
    try term("not-after-2-63", .limitExceeded, "11: times are below 2^63", 10, .tooLarge)
    try term("range-of-one", .malformed, "5: a range has two ends", 11, [0x81, 0x83, 1, 0, 0])
    try term(
      "range-backwards", .malformed, "5: a range's lowest isn't above its highest", 11,
      [0x82, 0x83, 1, 0, 1, 0x83, 1, 0, 0])
    try term("lifecycle-unknown", .malformed, "6.4: a life cycle that there isn't", 12, [0x19, 0x70, 0])
    try term("lifecycle-between", .malformed, "6.4: a life cycle that there isn't", 12, [0x19, 0x30, 1])
    try term("features-empty", .malformed, "5: features have a byte at least", 13, [0x40])
    try term(
      "features-of-1025-bytes", .limitExceeded, "11: features have 1024 bytes at most", 13, .item(Fixed.noise(1025)))
    try term("status-number-2-63", .limitExceeded, "11: status numbers are below 2^63", 14, .tooLarge)
    for (label, name) in [
      (2, "module"), (3, "epoch"), (4, "device"), (5, "grant-key"), (6, "issuer"), (7, "sequence"), (8, "iat"),
      (12, "lifecycle"),
    ] as [(Int64, String)] {
      try add("without-\(name)", .malformed, "5: \(name) is left out", at: .found([0xa8, 1, 1])) {
        $0.editTerms = editMap { $0.remove(label) }
      }
    }
  }
}
