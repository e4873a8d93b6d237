import CBOR
import COSE
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import SecretBytes
import Testing

extension GrantFixture {
  /// Adds an edit of the terms' entries before they are signed.
  mutating func edit(_ change: @escaping @Sendable (inout RawMap) -> Void) {
    let before = editTerms
    editTerms = { editMap(change)(before($0)) }
  }
}

/// A way to make a grant one that must be refused, and the class; nil for what is allowed.
struct GrantCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let expected: ErrorClass?
  let change: @Sendable (inout GrantFixture) -> Void

  init(_ description: String, _ expected: ErrorClass?, _ change: @escaping @Sendable (inout GrantFixture) -> Void) {
    testDescription = description
    self.expected = expected
    self.change = change
  }

  /// Changes one member of the terms.
  init(_ description: String, _ expected: ErrorClass?, _ label: Int64, to value: [UInt8]) {
    self.init(description, expected) { $0.edit { $0.set(label, to: value) } }
  }
}

/// SPEC 5, up to the decisions.
@Suite("Verifying a grant")
struct GrantTests {
  private func verify(_ grant: GrantFixture) throws -> Verified<Grant> {
    try GrantFile(grant.file()).verify(with: .device)
  }

  private static func full() -> GrantFixture {
    var grant = GrantFixture()
    grant.terms.notBefore = 1
    grant.terms.notAfter = Moment.present + 1
    grant.terms.versions = VersionRange(Version(1, 0, 0), Version(1, 9, 0))
    grant.terms.features = [1, 2, 3]
    grant.terms.minimumStatus = 0
    return grant
  }

  @Test("gives terms and content key as they were granted")
  func verified() throws {
    for grant in [GrantFixture(), Self.full()] {
      let verified = try verify(grant)
      #expect(verified.value.terms == grant.terms)
      #expect(verified.authority.key == grant.chain.last.publicKey)
      #expect(verified.issuedAt == Moment.issued)
      let key = try verified.value.unwrap(with: TestGrantKey.device.key)
      #expect(key.withBytes { $0.withUnsafeBytes { Array($0) } } == grant.contentKey)
      #expect(try GrantFile(grant.file()).unverifiedTerms() == grant.terms)
    }
  }

  static let cases: [GrantCase] = [
    GrantCase("unchanged", nil) { _ in },
    GrantCase("version 0", .unsupportedVersion, 1, to: [0]),
    GrantCase("version 2", .unsupportedVersion, 1, to: [2]),
    GrantCase("version 2^64 - 1", .unsupportedVersion, 1, to: PackageTests.largest),
    GrantCase("version 2 with labels and values of its own", .unsupportedVersion) { grant in
      grant.edit { map in
        map.set(1, to: [2])
        map.set(2, to: [0x80])
        for label in 15..<50 { map.set(Int64(label), to: [0xf6]) }
      }
    },
    GrantCase("version 2, signed by nobody known", .unsupportedVersion) { grant in
      grant.edit { $0.set(1, to: [2]) }
      grant.chain.root = .stranger
    },
    GrantCase("version 2, but not well formed", .malformed) { grant in
      grant.edit { map in
        map.set(1, to: [2])
        map.set(15, to: [0x18, 0])
      }
    },
    GrantCase("version 2, with a byte behind it", .malformed) { grant in
      grant.edit { $0.set(1, to: [2]) }
      grant.editPayload = { $0 + [0] }
    },

    GrantCase("a module of one label", .malformed, 2, to: [0x63] + Array("com".utf8)),
    GrantCase("an epoch of 2^63", .limitExceeded, 3, to: PackageTests.huge),
    GrantCase("a device id of 31 bytes", .malformed, 4, to: bytes(31)),
    GrantCase("a device id of 33 bytes", .malformed, 4, to: bytes(33)),
    GrantCase("a grant-key thumbprint of 31 bytes", .malformed, 5, to: bytes(31)),
    GrantCase("an issuer of 33 bytes", .malformed, 6, to: bytes(33)),
    GrantCase("a sequence number of 2^63", .limitExceeded, 7, to: PackageTests.huge),
    GrantCase("an issue time of 2^63", .limitExceeded, 8, to: PackageTests.huge),
    GrantCase("a not-before of 2^63", .limitExceeded, 9, to: PackageTests.huge),
    GrantCase("a not-after of 2^63", .limitExceeded, 10, to: PackageTests.huge),
    GrantCase("a status number of 2^63", .limitExceeded, 14, to: PackageTests.huge),
    GrantCase("a range of one version", .malformed, 11, to: [0x81, 0x83, 1, 0, 0]),
    GrantCase("a range of three versions", .malformed, 11, to: [0x83, 0x83, 1, 0, 0, 0x83, 1, 0, 0, 0x83, 1, 0, 0]),
    GrantCase("a range that ends before it begins", .malformed, 11, to: [0x82, 0x83, 1, 0, 1, 0x83, 1, 0, 0]),
    GrantCase("a range that begins where it ends", nil, 11, to: [0x82, 0x83, 1, 0, 0, 0x83, 1, 0, 0]),
    GrantCase("an unknown life cycle", .malformed, 12, to: [0x19, 0x70, 0]),
    GrantCase("a life cycle in between", .malformed, 12, to: [0x19, 0x30, 1]),
    GrantCase("a life cycle of 2^16", .malformed, 12, to: [0x1a, 0, 1, 0, 0]),
    GrantCase("another life cycle", nil, 12, to: [0]),
    GrantCase("no features", .malformed, 13, to: [0x40]),
    GrantCase("features of 1024 bytes", nil, 13, to: bytes(1024)),
    GrantCase("features of 1025 bytes", .limitExceeded, 13, to: bytes(1025)),

    GrantCase("unknown root", .untrustedRoot) { $0.chain.root = .stranger },
    GrantCase("a chain for modules", .roleMismatch) { grant in
      grant.chain = .module
      grant.terms.issuer = grant.chain.last.thumbprint
    },
    GrantCase("typ of a manifest", .roleMismatch) { $0.type = Manifest.type },
    GrantCase("signed by a key outside the chain", .signatureInvalid) { $0.signer = .stranger },
    GrantCase("signed by the certificate above", .signatureInvalid) { $0.signer = $0.chain.links[0].key },
    GrantCase("a module outside the scope", .scopeViolation) { $0.terms.module = testName("com.acmex.codec") },

    GrantCase("three items", .malformed) { $0.editPayload = { [0x83] + $0.dropFirst() + [0] } },
    GrantCase("one item", .malformed) { grant in
      grant.editPayload = { payload in
        var reader = CBORReader(Array(payload.dropFirst()))
        let terms = try? reader.skipItem()
        return [0x81] + (terms ?? [])
      }
    },
    GrantCase("a wrapped key for PSK mode", .malformed) { $0.editWrappedKey = wrapped([0xa1, 1, 0x18, 0x2b]) },
    GrantCase("a wrapped key with a kid", .malformed) { grant in
      grant.editWrappedKey = { key in key[..<7] + [0xa2, 4, 0x40] + key[8...] }
    },
    GrantCase("a wrapped key with a tag of another kind", .malformed) {
      $0.editWrappedKey = { [0xd2] + $0.dropFirst() }
    },
    GrantCase("a wrapped key of 47 bytes", .malformed) { $0.editWrappedKey = resized(47) },
    GrantCase("a wrapped key of 49 bytes", .malformed) { $0.editWrappedKey = resized(49) },
    GrantCase("a wrapped key of 48 other bytes", nil) { $0.editWrappedKey = resized(48) },
  ]

  private static func bytes(_ count: Int) -> [UInt8] {
    RawMap.item { $0.encode(bytes: [UInt8](repeating: 7, count: count)) }
  }

  /// 16([h'a101182a', {-4: h'…'}, h'…']) with another protected header of four bytes.
  private static func wrapped(_ protected: [UInt8]) -> Edit {
    { $0[..<3] + protected + $0[7...] }
  }

  /// … with another ciphertext.
  private static func resized(_ count: Int) -> Edit {
    { $0.dropLast(50) + bytes(count) }
  }

  @Test("gives the class of SPEC 5 and 3.4", arguments: cases)
  func classes(_ grantCase: GrantCase) throws {
    var grant = GrantFixture()
    grantCase.change(&grant)
    #expect(try grant.refusal() == grantCase.expected)
  }

  private static let labels: [Int64] = [1, 2, 3, 4, 5, 6, 7, 8, 12]
  static let breakages =
    Breakage.all(required: labels) + Breakage.values(of: labels + [9, 10, 11, 13, 14])

  @Test("refuses terms that aren't in their one form", arguments: breakages)
  func broken(_ breakage: Breakage) throws {
    var grant = Self.full()
    grant.editTerms = breakage.edit
    #expect(try grant.refusal() == .malformed)
  }

  @Test("refuses a file of another shape")
  func file() throws {
    let file = try GrantFixture().file()
    let parse = { (bytes: [UInt8]) in refusal { () throws(FormatError) in _ = try GrantFile(bytes) } }
    #expect(parse(file) == nil)
    #expect(parse(file + [0]) == .malformed)
    var three = file
    three[8] = 0x83
    #expect(parse(three + [0]) == .malformed)
  }

  // MARK: Unwrapping

  private func unwrap(_ grant: GrantFixture, with key: TestGrantKey = .device) throws -> ErrorClass? {
    let verified = try verify(grant)
    return refusal { () throws(FormatError) in _ = try verified.value.unwrap(with: key.key).count }
  }

  @Test("unwraps the content key for its device only")
  func otherDevice() throws {
    #expect(try unwrap(GrantFixture()) == nil)
    #expect(try unwrap(GrantFixture(), with: TestGrantKey("other")) == .keyUnwrapFailed)
  }

  @Test("doesn't unwrap under terms that were changed after wrapping, however they are signed")
  func otherTerms() throws {
    let changes: [(Int64, [UInt8])] = [
      (2, [0x6e] + Array("com.acme.other".utf8)), (3, [8]), (4, Self.bytes(32)), (5, Self.bytes(32)), (7, [6]),
      (8, [1]), (9, [2]), (10, [3]), (11, [0x82, 0x83, 0, 0, 0, 0x83, 9, 0, 0]), (12, [0]), (13, [0x41, 9]), (14, [1]),
    ]
    for (label, value) in changes {
      var grant = Self.full()
      grant.edit { $0.set(label, to: value) }
      #expect(try unwrap(grant) == .keyUnwrapFailed, "label \(label)")
    }
    for label in [9, 10, 11, 13, 14] as [Int64] {
      var grant = Self.full()
      grant.edit { $0.remove(label) }
      #expect(try unwrap(grant) == .keyUnwrapFailed, "without label \(label)")
    }
  }

  @Test("doesn't unwrap a key with an encapsulated key of low order: the sender's fault, not the device's")
  func lowOrder() throws {
    var grant = GrantFixture()
    grant.editWrappedKey = { $0[..<11] + [UInt8](repeating: 0, count: 32) + $0[43...] }
    #expect(try unwrap(grant) == .keyUnwrapFailed)
  }

  @Test("binds the wrapping to the terms as SPEC 5 says")
  func wrapping() throws {
    let grant = Self.full()
    let payload = try grant.payload()
    var reader = CBORReader(payload)
    _ = try reader.readArrayHeader()
    let terms = try reader.skipItem()
    let wrapped = try Encrypt0(&reader)
    let aad = RawMap.item { item in
      item.beginArray(2)
      item.encode(text: "husk-grant")
      item.encode(encoded: terms)
    }
    let key = try wrapped.open(with: TestGrantKey.device.key, externalAAD: aad)
    #expect(key.withBytes { $0.withUnsafeBytes { Array($0) } } == grant.contentKey)
  }
}
