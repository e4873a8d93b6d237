import CBOR
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport
import Testing

@testable import FormatVectors

/// Parts of one valid object in the place of another's.
@Suite("Spliced objects")
struct SpliceTests {
  // MARK: Anything for its counterpart

  /// A subject, and another valid object of its kind that is built in the same way.
  private struct Pair: Sendable {
    let subject: Subject
    let other: [UInt8]
  }

  private static let pairs: [Pair] = {
    do {
      let subjects = Subject.all
      var load = Subject.load
      load.module = Fixed.noise(17).suffix(16)
      load.package.chain.links[0] = LinkFixture("yek", [.module])
      load.package.manifest.version = Version(1, 2, 4)
      var chain = ChainFixture.module
      chain.links[0].key = TestKey("other")
      chain.links[0].claims.key = TestKey("other").publicKey
      chain.links[1].key = TestKey("another")
      chain.links[1].claims.key = TestKey("another").publicKey
      var grant = Subject.grantFixture
      grant.chain.links[0] = LinkFixture("yek", [.grant])
      grant.terms.issuer = grant.chain.last.thumbprint
      grant.terms.sequence = 6
      grant.contentKey = bytes(named: "another content key")
      var identity = Subject.identityFixture
      identity.uds = bytes(named: "other UDS")
      identity.silicon.links[0].key = TestKey(uds: identity.uds)
      identity.silicon.links[0].claims.key = identity.silicon.links[0].key.publicKey
      identity.layers = [LayerFixture("bootloadex", .bootLoader), LayerFixture("decryptox", .bootDecryptor)]
      identity.claims = DeviceKeyClaims(
        grantKey: TestGrantKey("other").publicKey, lifecycle: .secured, keyEpoch: 3, generation: 0)
      var list = Subject.listFixture
      list.chain.links[0] = LinkFixture("yek", [.status])
      list.list.number = 2
      list.list.packages = [bytes(named: "another package")]
      let others = [
        try load.file(), try Catalogue.file(chain), try grant.file(), try identity.file(), try list.file(),
      ]
      return zip(subjects, others).map { Pair(subject: $0, other: $1) }
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  @Test("any item of one object in the place of another's")
  func items() throws {
    var tally = Tally()
    for pair in Self.pairs { try exchange(pair, &tally) }
    tally.record("exchanged items")
  }

  private func exchange(_ pair: Pair, _ tally: inout Tally) throws {
    #expect(pair.subject.refusal(of: pair.other) == nil, "the other one is valid, too")
    let one = try Tree(pair.subject.bytes)
    let other = try Tree(pair.other)
    try #require(one.count == other.count)
    var encodings: [Int: [UInt8]] = [:]
    _ = other.encoded { number, node, parts in
      encodings[number] = Tree.encode(node, parts)
      return nil
    }
    for target in 0..<one.count {
      let bytes = one.encoded { number, _, _ in number == target ? encodings[number] : nil }
      guard bytes != pair.subject.bytes, bytes != pair.other else { continue }
      tally.check(
        pair.subject.refusal(of: bytes), among: Self.classes, "\(pair.subject.testDescription), item \(target)")
    }
  }

  /// What is changed is signed, or the key that it is signed with.
  private static let classes: Set<ErrorClass> = [
    .signatureInvalid, .untrustedRoot, .malformed, .roleMismatch, .digestMismatch, .sizeMismatch, .chainInvalid,
    .keyUnwrapFailed,
  ]

  // MARK: By name

  private static func refusal(of load: LoadFixture) throws -> ErrorClass? {
    var vector = Vector(.load, .success, "", object: try load.file())
    try load.describe(in: &vector)
    guard case .refused(let errorClass) = try Verdict(of: vector).result else { return nil }
    return errorClass
  }

  private static func load(version: UInt32 = 3, _ change: (inout LoadFixture) -> Void = { _ in }) -> LoadFixture {
    var load = LoadFixture()
    load.module = Fixed.noise(16_500)
    load.package.manifest.version = Version(1, 2, version)
    load.package.manifest.sizeBound = 32_768
    change(&load)
    return load
  }

  private struct Splice: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let expected: ErrorClass
    /// Takes the payload and that of another version of the module, under the same content key.
    let mix: @Sendable (_ one: [UInt8], _ other: [UInt8]) -> [UInt8]
  }

  private static let chunk = 16_400
  /// Salt, commitment, first chunk, second chunk.
  private static let payloadSplices = [
    Splice(testDescription: "payload", expected: .decryptionFailed) { $1 },
    Splice(testDescription: "salt", expected: .decryptionFailed) { Array($1[..<24] + $0[24...]) },
    Splice(testDescription: "commitment", expected: .decryptionFailed) { Array($0[..<24] + $1[24..<56] + $0[56...]) },
    Splice(testDescription: "salt and commitment", expected: .decryptionFailed) { Array($1[..<56] + $0[56...]) },
    Splice(testDescription: "first chunk", expected: .decryptionFailed) {
      Array($0[..<56] + $1[56..<(56 + chunk)] + $0[(56 + chunk)...])
    },
    Splice(testDescription: "last chunk", expected: .decryptionFailed) {
      Array($0[..<(56 + chunk)] + $1[(56 + chunk)...])
    },
    Splice(testDescription: "chunks", expected: .decryptionFailed) { Array($0[..<56] + $1[56...]) },
  ]

  @Test(
    "another version's part of a payload: digest-mismatch, and if somebody signs it, it still doesn't open",
    arguments: payloadSplices)
  private func payloads(_ splice: Splice) throws {
    var other = Self.load(version: 4)
    other.salt = "another salt"
    let otherPayload = try other.payload()
    #expect(try Self.refusal(of: Self.load()) == nil)
    #expect(try Self.refusal(of: other) == nil)
    #expect(try Self.refusal(of: Self.load { $0.editSigned = { splice.mix($0, otherPayload) } }) == .digestMismatch)
    #expect(try Self.refusal(of: Self.load { $0.editPayload = { splice.mix($0, otherPayload) } }) == splice.expected)
  }

  @Test("every byte of a payload that is signed as it is: it doesn't open")
  func signedPayload() throws {
    var tally = Tally()
    let size = try LoadFixture().payload().count
    for index in 0..<size {
      var load = LoadFixture()
      load.editPayload = { payload in
        var payload = payload
        payload[index] ^= 1 << UInt8(index % 8)
        return payload
      }
      tally.check(try Self.refusal(of: load), among: [.decryptionFailed], "byte \(index)")
    }
    tally.record("bytes of a signed payload")
  }

  @Test("a grant's parts in another grant")
  func grants() throws {
    func refusal(_ change: (inout LoadFixture) -> Void) throws -> ErrorClass? {
      var load = LoadFixture()
      change(&load)
      return try Self.refusal(of: load)
    }
    var other = GrantFixture.vector
    other.terms.deviceID = bytes(named: "another device id")
    other.recipient = TestGrantKey("another device")
    other.terms.grantKeyThumbprint = other.recipient.thumbprint
    let otherTerms = other.terms.encoded()
    let otherKey = try Fixed.wrap(
      terms: otherTerms, contentKey: other.contentKey, recipient: other.recipient.publicKey)
    #expect(try refusal { _ in } == nil)
    #expect(try refusal { $0.grant = other } == .wrongDevice)
    #expect(try refusal { $0.grant.editTerms = { _ in otherTerms } } == .wrongDevice)
    #expect(try refusal { $0.grant.editWrappedKey = { _ in otherKey } } == .keyUnwrapFailed)
    #expect(try refusal { $0.contentKey = other.contentKey.reversed() } == .decryptionFailed)
  }
}
